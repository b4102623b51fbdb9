"""The build flow: `python -m flows.build`, `cxr build`, and the Prefect deployment's entry point."""
