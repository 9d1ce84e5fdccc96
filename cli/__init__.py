"""The command line `prism`: one file per command group."""
