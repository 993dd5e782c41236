"""The names that programs may use; each of them is harmless on any object, under any alias.

So the static checks need not know the type of an expression. Not harmless, for example, are
``resize`` (the method frees memory that views still use), ``r_`` (it looks up a text among all
globals), ``format`` (a text can name any attribute), and ``at`` (the method of ufuncs writes into
read-only arrays).
"""

from __future__ import annotations

import math
import unicodedata

import numpy as np

_NUMPY = """
    abs absolute add all allclose amax amin angle any append apply_along_axis arange arccos arccosh
    arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort argwhere around array
    array_equal array_split asarray ascontiguousarray asfarray atan2 atan atanh atleast_1d
    atleast_2d atleast_3d average bincount bitwise_and bitwise_not bitwise_or bitwise_xor
    broadcast_arrays broadcast_shapes broadcast_to cbrt ceil choose clip column_stack compress
    concat concatenate conj conjugate convolve copy copysign corrcoef cos cosh count_nonzero cov
    cross cumprod cumsum deg2rad degrees delete diag diagonal diff digitize divide divmod dot dsplit
    dstack dtype ediff1d einsum equal errstate exp exp2 expand_dims expm1 eye fabs finfo fix
    flatnonzero flip fliplr flipud float_power floor floor_divide fmax fmin fmod full full_like gcd
    geomspace gradient greater greater_equal heaviside histogram hsplit hstack hypot identity iinfo
    indices inner insert interp invert isclose isfinite isin isinf isnan isneginf isposinf isreal
    isscalar issubdtype ix_ kron ldexp less less_equal linspace log log10 log1p log2 logaddexp
    logaddexp2 logical_and logical_not logical_or logical_xor logspace matmul max maximum mean
    median meshgrid min minimum mod moveaxis multiply nan_to_num nanargmax nanargmin nanmax nanmean
    nanmedian nanmin nanprod nanstd nansum nanvar ndenumerate ndim ndindex negative nextafter
    nonzero not_equal ones ones_like outer pad partition percentile permute_dims piecewise polyfit
    polyval positive pow power prod product promote_types ptp quantile rad2deg radians ravel real
    reciprocal remainder repeat reshape result_type rint roll rollaxis rot90 round row_stack
    searchsorted select shape sign signbit sin sinc sinh size sort split sqrt square squeeze stack
    std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace transpose trapezoid
    trapz tri tril trim_zeros triu true_divide trunc unique unravel_index unwrap var vdot vecdot
    vsplit vstack where zeros zeros_like e euler_gamma inf nan newaxis pi bool bool_ complex128
    complexfloating double float16 float32 float64 float_ floating generic inexact int16 int32 int64
    int8 int_ integer intp number signedinteger single uint16 uint32 uint64 uint8 unsignedinteger
"""
_LINALG = """
    cond det eig eigh eigvals eigvalsh inv lstsq matrix_norm matrix_power matrix_rank norm pinv
    slogdet solve svd vector_norm
"""
_MATH = """
    acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc
    exp exp2 expm1 fabs floor fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan ldexp
    lgamma log log10 log1p log2 modf nan nextafter pi pow prod radians remainder sin sinh sqrt tan
    tanh tau trunc
"""
_ARRAYS = """
    T all any argmax argmin argsort astype clip copy cumprod cumsum diagonal dot dtype fill flatten
    imag item itemsize max mean min nbytes ndim nonzero prod ravel real repeat reshape round
    searchsorted shape size sort squeeze std sum swapaxes take tolist trace transpose var accumulate
    outer reduce reduceat nin bits eps kind maxexp minexp name resolution smallest_normal
    smallest_subnormal tiny type
"""
_CONTAINERS = """
    add append capitalize clear copy count difference discard endswith extend find fromkeys get
    index insert intersection isdisjoint issubset issuperset items join keys lower lstrip pop remove
    replace reverse rsplit rstrip setdefault sort split startswith strip symmetric_difference title
    union update upper values is_integer as_integer_ratio bit_length start stop step
"""
NUMPY = frozenset(name for name in _NUMPY.split() if name in vars(np)) | {"linalg", "ndarray"}
LINALG = frozenset(name for name in _LINALG.split() if name in vars(np.linalg))
MATH = frozenset(name for name in _MATH.split() if hasattr(math, name))
ATTRIBUTES = NUMPY | LINALG | MATH | frozenset(_ARRAYS.split()) | frozenset(_CONTAINERS.split())
_MUTATORS = """
    add append clear discard extend fill insert partition pop remove reverse setdefault sort update
"""
MUTATORS = frozenset(_MUTATORS.split())

IMPORTABLE = {"numpy": NUMPY, "numpy.linalg": LINALG, "math": MATH}

_TYPING = """
    AbstractSet Annotated Any Callable ClassVar Collection Container DefaultDict Dict Final
    FrozenSet Generic Hashable Iterable Iterator List Literal Mapping MutableMapping MutableSequence
    NamedTuple NewType NoReturn Optional OrderedDict Protocol Sequence Set Sized SupportsFloat
    SupportsIndex SupportsInt Tuple Type TypeAlias TypedDict TypeVar Union cast overload
"""
_ABSTRACT = """
    Callable Collection Container Hashable Iterable Iterator Mapping MutableMapping MutableSequence
    Sequence Set Sized
"""
_FUTURE = """
    annotations absolute_import division generator_stop generators nested_scopes print_function
    unicode_literals with_statement
"""
# Imports for annotations: removed in the host, but run in an exported file. So these names exist in
# every supported version, and importing them does nothing.
ANNOTATION_ONLY = {
    "typing": frozenset(_TYPING.split()),
    "typing_extensions": frozenset(_TYPING.split()),
    "collections.abc": frozenset(_ABSTRACT.split()),
    "numpy.typing": frozenset(("ArrayLike", "DTypeLike", "NDArray")),
    "__future__": frozenset(_FUTURE.split()),
}

FUNCTIONS = (
    *(
        "abs",
        "all",
        "any",
        "bool",
        "dict",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "frozenset",
        "int",
        "isinstance",
    ),
    *(
        "iter",
        "len",
        "list",
        "map",
        "max",
        "min",
        "next",
        "pow",
        "range",
        "reversed",
        "round",
        "set",
        "slice",
    ),
    *("sorted", "str", "sum", "tuple", "zip"),
)
EXCEPTIONS = (
    *(
        "ArithmeticError",
        "AssertionError",
        "AttributeError",
        "Exception",
        "FloatingPointError",
        "IndexError",
    ),
    *(
        "KeyError",
        "LookupError",
        "NotImplementedError",
        "OverflowError",
        "RuntimeError",
        "TypeError",
        "ValueError",
    ),
    "ZeroDivisionError",
)
BUILTINS = (*FUNCTIONS, *EXCEPTIONS)
# Exceptions that a program may catch: not those for a full memory or stack, nor those that only the
# sandbox raises, since a program that catches them would return another value outside.
CATCHABLE = (
    *(
        "ArithmeticError",
        "FloatingPointError",
        "IndexError",
        "KeyError",
        "LookupError",
        "OverflowError",
        "TypeError",
    ),
    *("ValueError", "ZeroDivisionError"),
)

# Letters beyond ASCII that do not look like others: Greek as in formulas, Latin with marks.
# (Python normalises the forms of a letter before the checks see a name.)
UNMISTAKABLE = frozenset("αβγδεζηθλμξπσςτφψωΓΔΘΛΞΠΣΦΨΩ") | {
    chr(point)
    for point in range(0xC0, 0x180)
    if chr(point).isalpha() and unicodedata.name(chr(point)).startswith("LATIN")
}
