"""The agents: the pure state machines run by Faust over a broker. The only importer of Faust."""
