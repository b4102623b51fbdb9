"""Thin Prefect tasks over `cxr_core`, one module a stage, and the workers that run the heavy parts."""
