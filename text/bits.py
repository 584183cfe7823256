"""What a processor does to 64 bits in one instruction, and Python's operators do not say."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_64, _128 = ir.IntType(64), ir.IntType(128)


@intrinsic  # type: ignore[untyped-decorator]
def ones(_: Any, value: Any) -> Any:  # noqa: ARG001 - Numba asks for its name
    """How many bits are set."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def low_zeros(_: Any, value: Any) -> Any:  # noqa: ARG001
    """How many bits below the lowest one that is set; 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def high(_: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """The upper half of the 128 bits of a product."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        wide = builder.mul(*(builder.zext(value, _128) for value in arguments))
        return builder.trunc(builder.lshr(wide, ir.Constant(_128, 64)), _64)

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator]
def eight(_: Any, data: Any, at: Any) -> Any:  # noqa: ARG001
    """The bytes `data[at:at + 8]`, the first one lowest. Nothing checks that they are within `data`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(start, [arguments[1]]), _64.as_pointer())
        return builder.load(place, align=1)

    return types.uint64(data, types.int64), generate
