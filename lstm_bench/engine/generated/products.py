"""Products of matrices in C, by the functions of products.h."""

from lstm_bench.engine.generated.buffers import Arena, Place, Sizes, rounded
from lstm_bench.engine.generated.loops import Load, Store, loop
from lstm_bench.engine.generated.tracing import CannotGenerateError


class Products:
    """Write the products of one phase of a step.

    Args:
        sizes: the sizes of the trace.
        scratch, panels: the arenas for copies and for packed weights.

    Attributes:
        packing: the C that packs weights, before the first step.
    """

    def __init__(self, sizes: Sizes, scratch: Arena, panels: Arena) -> None:
        self._sizes, self._scratch, self._panels = sizes, scratch, panels
        self._packed = dict[tuple[str, tuple[int, ...], tuple[int, ...], int], str]()
        self.packing = list[str]()

    def product(self, left: Place, right: Place, to: Place, adds: bool) -> list[str]:
        """Return the C of a product [M, K] [K, N], or [B, M, K] [B, K, N], by sequence; `to` has padded rows.

        A constant on the right is packed once.

        Raises: CannotGenerateError where the batch is the columns.
        """
        depth, columns = right.shape[-2:]
        if self._sizes.has_batch([columns]):
            raise CannotGenerateError("a product with the batch as its columns")
        sequence = ["i0"] if len(right.shape) == 3 else []
        is_packed = not sequence and right.base.startswith("constant")
        lines = list[str]()
        if right.axes.stride(-1) != 1 and columns > 1 and not is_packed:
            dense = self._scratch.place(right.shape, padded=True)
            lines += loop(self._sizes, right.shape, [Load("v", right)], [], [Store("v", dense)])
            right = dense
        a, b, out = (place.address([*sequence, "", ""], place.shape) for place in (left, right, to))
        rows, deep = (self._sizes.expression(size) for size in left.shape[-2:])
        row, step = left.axes.stride()[-2:]
        size, ends = f"{rows}, {rounded(columns)}, {deep}", f"{out}, {to.axes.stride(-2)});"
        packed = self._pack(right) if is_packed else None
        if packed and step == 1:
            product = f"{'add_' * adds}product({size}, {a}, {row}, {packed}, {ends}"
        elif packed:
            product = f"panels_of({int(adds)}, {size}, {a}, {row}, {step}, {packed}, {depth}, 0, {ends}"
        elif row == 1:
            product = f"outer({int(adds)}, {size}, {a}, {step}, {b}, {right.axes.stride(-2)}, {ends}"
        else:
            product = f"panels_of({int(adds)}, {size}, {a}, {row}, {step}, {b}, 1, {right.axes.stride(-2)}, {ends}"
        over_sequences = f"for (long i0 = 0; i0 < {self._sizes.expression(left.shape[0])}; i0++) "
        return [*lines, over_sequences * len(sequence) + product]

    def _pack(self, weight: Place) -> str:
        key = weight.base, weight.shape, tuple(weight.axes.stride()), int(weight.axes.storage_offset())
        if key not in self._packed:
            depth, columns = weight.shape
            self._packed[key] = self._panels.place((depth, rounded(columns))).base
            source = f"{weight.address(['', ''], weight.shape)}, {weight.axes.stride(0)}, {weight.axes.stride(1)}"
            self.packing.append(f"pack({depth}, {columns}, {rounded(columns)}, {source}, {self._packed[key]});")
        return self._packed[key]
