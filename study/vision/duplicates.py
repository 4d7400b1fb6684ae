"""Which images show nearly the same: found by their grey structure, so that copies stay in one split."""

import numpy as np
from scipy import sparse

CORRELATION = 0.89
DIFFERING_BITS = 15
"""Two images are near-duplicates when their 16×16 grey versions correlate this much and their difference hashes, of
64 bits, differ this little, once one of them may be turned left to right. Correlation alone pairs scenes with a like
horizon; hashes alone, bright things on dark ground. A pair too many costs nothing: it keeps two images on one side."""

_BLOCK = 2_000  # rows that are compared at a time


def pairs(pixels: np.ndarray) -> np.ndarray:
    """Rows (m, 2), first below second, of the near-duplicates among pixels (n, 64, 64, 3) uint8, mirrored ones too."""
    structure, hashes = _structure(pixels), _hashes(pixels)
    turned = pixels[:, :, ::-1]
    found = [np.empty((0, 2), dtype=np.int64)]
    for others, their_hashes in ((structure, hashes), (_structure(turned), _hashes(turned))):
        for start in range(0, len(pixels), _BLOCK):
            alike = structure[start : start + _BLOCK] @ others[start:].T >= CORRELATION
            rows = np.argwhere(np.triu(alike, 1)) + start
            differing = np.bitwise_count(hashes[rows[:, 0]] ^ their_hashes[rows[:, 1]])
            found.append(rows[differing <= DIFFERING_BITS])
    return np.unique(np.concatenate(found), axis=0)


def groups(pixels: np.ndarray) -> np.ndarray:
    """A number (n,) int64 for each image, the same for all that near-duplicates connect; see `pairs`."""
    found, n = pairs(pixels), len(pixels)
    edges = sparse.coo_matrix((np.ones(len(found), dtype=bool), (found[:, 0], found[:, 1])), shape=(n, n))
    return sparse.csgraph.connected_components(edges, directed=False)[1].astype(np.int64)


def _structure(pixels: np.ndarray) -> np.ndarray:
    """Grey values of 16×16 cells, with mean 0 and norm 1: (n, 256) float32. An even image is zero and like none."""
    n, height, width, _ = pixels.shape
    cells = pixels.reshape(n, 16, height // 16, 16, width // 16, 3).mean(axis=(2, 4, 5), dtype=np.float32)
    cells = cells.reshape(n, -1)
    cells -= cells.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(cells, axis=1, keepdims=True)
    return np.divide(cells, norms, out=np.zeros_like(cells), where=norms > 1e-3)


def _hashes(pixels: np.ndarray) -> np.ndarray:
    """The difference hash: whether grey grows from one of nine columns to the next, in eight rows; (n,) uint64."""
    n, height, width, _ = pixels.shape
    rows = pixels.reshape(n, 8, height // 8, width, 3).mean(axis=(2, 4), dtype=np.float32)
    borders = np.linspace(0, width, 10).round().astype(int)
    columns = np.stack([rows[:, :, a:b].mean(axis=2) for a, b in zip(borders, borders[1:], strict=False)], axis=2)
    bits = (np.diff(columns, axis=2) > 0).reshape(n, 64)
    return np.packbits(bits, axis=1).view(np.uint64).ravel()
