"""Many small pictures with captions on one."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_LINE = 13
_MARGIN = 6


def contact_sheet(
    pictures: Pixels, captions: Sequence[Sequence[str]], columns: int, side: int = 200
) -> Pixels:
    """Lay pictures out in rows, each with the lines of its caption below.

    Args:
        pictures: uint8 [n, height, width, 3].
        captions: lines of plain ASCII for each picture.
        columns: pictures in a row.
        side: width and height of a picture on the sheet, in pixels.

    Returns:
        uint8 [height, width, 3], as wide as its pictures.
    """
    lines = max((len(caption) for caption in captions), default=0)
    height, width = side + lines * _LINE + 2 * _MARGIN, side + _MARGIN
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        top, left = number // columns * height, number % columns * width
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        sheet[top : top + side, left : left + side] = small
        for row, line in enumerate(caption, 1):
            place = (left + 2, top + side + row * _LINE)
            cv2.putText(
                sheet, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA
            )
    return sheet
