"""What kill -9 does to Faust tables on a real Kafka, and the fence that makes it harmless.

``python -m tests.chaos.faust_kill --kills 20 --workers 2`` prints the proof behind
``docs/adr/0002-faust-tables-and-kill-9.md``; ``--app plain`` shows Faust without the fence.
"""
