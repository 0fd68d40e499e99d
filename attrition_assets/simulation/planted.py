"""How what is planted is written: as the command line takes it, in errors too.

What each does is in `shifts.py` and `faults.py`; orders are read in `composing.py`.
"""

import re
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Planted:
    """Whatever can be planted: the first field is its month, the second its size, if it has one."""

    def __str__(self) -> str:
        name = re.sub(r"\B(?=[A-Z])", "-", type(self).__name__).lower()
        month, *sizes = (getattr(self, field.name) for field in fields(self))
        return f"{name}@{month}" + "".join(f"={size:g}" for size in sizes[:1])
