"""The synthetic demo hospital: phantoms, headers, reports, messages, faults, and the truth of them all.

It takes a seed and a number of patients and gives an export such as a hospital's PACS and RIS leave on disk.
Building a dataset from it is left to the flow; nothing here belongs to a living person.
"""

from cxr_core.demo.hospital import DemoHospital, generate_hospital

__all__ = ["DemoHospital", "generate_hospital"]
