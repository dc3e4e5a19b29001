"""What a number in a record can be: types that reading checks (msgspec), so that no impossible record gets further."""

from typing import Annotated

from msgspec import Meta

_MOST = 2**62  # far beyond every count and time, and within what numpy and other programs hold

Natural = Annotated[int, Meta(ge=0, le=_MOST)]
Positive = Annotated[int, Meta(ge=1, le=_MOST)]
Reading = Annotated[int, Meta(ge=-_MOST, le=_MOST)]  # of a clock; one that went backwards is judged invalid
Pixel = Annotated[int, Meta(ge=1, le=100_000)]  # a side of an image; as `units.parse_pixels` has it
NotNegative = Annotated[float, Meta(ge=0, le=1e300)]
Share = Annotated[float, Meta(ge=0, le=1)]
