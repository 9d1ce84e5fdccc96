"""What kill -9 does to Faust tables on a real Kafka, and why the product has a fence.

``python -m tests.chaos.faust_kill --kills 20 --workers 2`` repeats the experiment behind
``docs/adr/0002-faust-tables-and-kill-9.md``; what the fence makes of it, ``make chaos`` shows.
"""
