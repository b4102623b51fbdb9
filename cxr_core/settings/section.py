"""What every section of the configuration has in common: frozen, strict, and silent about values.

Gives the base class `Section`; what the options are stands in one small file a stage.
"""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One TOML table: unknown keys are refused, errors name the key and never print the value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
