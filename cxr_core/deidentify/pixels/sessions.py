"""Decides how the networks of this room run: on one thread, without a word to anybody.

Takes the name of a file of weights beside this module, gives a session; the only file here that imports onnxruntime.
What goes in and comes out is left to `network` and `glance`.
"""

from importlib.resources import files
from typing import Any


def open_session(name: str) -> Any:
    """Load the weights of one network (`*.onnx` of this package)."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    weights = files("cxr_core.deidentify.pixels").joinpath(name).read_bytes()
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
