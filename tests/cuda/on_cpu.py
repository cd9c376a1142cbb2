"""Run a CUDA kernel's own LLVM IR on the processor: the code that NVVM would get, with its types, barriers and loops.

A block's threads are coroutines of the C library (`swapcontext`): one runs until it meets a barrier or ends, then the
next. Thread and block indices are read from memory, math functions are the C library's, shared memory is a global
variable. A barrier that some threads of a block do not reach is an error.
"""

from __future__ import annotations

import ctypes
import functools
import re
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from .offline import ir

CONTEXT, STACK, SLOTS = 8192, 1 << 16, 256
INDICES = [f"{name}.{axis}" for name in ("tid", "ctaid", "ntid", "nctaid") for axis in "xyz"]
RUNTIME = f"""
@index = global [12 x i32] zeroinitializer
@waiting = global i32 0
@contexts = global ptr null
@arguments = global [{SLOTS} x i64] zeroinitializer
declare i32 @swapcontext(ptr, ptr)
define void @barrier() {{
  %main = load ptr, ptr @contexts
  %tid = load i32, ptr @index
  %number = add i32 %tid, 1
  %at = mul i32 %number, {CONTEXT}
  %own = getelementptr i8, ptr %main, i32 %at
  store i32 1, ptr @waiting
  %r = call i32 @swapcontext(ptr %own, ptr %main)
  ret void
}}
define i32 @round(i32 %threads) {{
start:
  %main = load ptr, ptr @contexts
  br label %loop
loop:
  %tid = phi i32 [ 0, %start ], [ %number, %loop ]
  %sum = phi i32 [ 0, %start ], [ %reached, %loop ]
  %number = add i32 %tid, 1
  %at = mul i32 %number, {CONTEXT}
  %own = getelementptr i8, ptr %main, i32 %at
  store i32 %tid, ptr @index
  store i32 0, ptr @waiting
  %r = call i32 @swapcontext(ptr %main, ptr %own)
  %waits = load i32, ptr @waiting
  %reached = add i32 %sum, %waits
  %more = icmp slt i32 %number, %threads
  br i1 %more, label %loop, label %end
end:
  ret i32 %reached
}}
define double @__nv_dmul_rn(double %a, double %b) {{
  %c = fmul double %a, %b
  ret double %c
}}
define float @__nv_fmul_rn(float %a, float %b) {{
  %c = fmul float %a, %b
  ret float %c
}}
""" + "".join(
    f"""define i32 @"sreg.{name}"() {{
  %i = load i32, ptr getelementptr ([12 x i32], ptr @index, i32 0, i32 {i})
  ret i32 %i
}}
"""
    for i, name in enumerate(INDICES)
)


def run(name: str, arguments: tuple[Any, ...], blocks: int, threads: int, fused: bool = False) -> None:
    """Launch a kernel on arrays and scalars; `fused` fuses multiplications with additions, as NVVM."""
    program = _program(name, tuple(map(_kind, arguments)), fused)
    slots = [slot for argument in arguments for slot in _slots(argument)]
    program.view("arguments", ctypes.c_uint64 * SLOTS)[: len(slots)] = slots
    index = program.view("index", ctypes.c_int32 * 12)
    index[6:] = threads, 1, 1, blocks, 1, 1
    for index[3] in range(blocks):
        _run_block(program, index, threads)


def _run_block(program: _Program, index: Any, threads: int) -> None:
    libc = ctypes.PyDLL(None)
    contexts, stacks = (ctypes.create_string_buffer((threads + 1) * size) for size in (CONTEXT, STACK))
    main = ctypes.addressof(contexts)
    program.view("contexts", ctypes.c_void_p).value = main
    places = [main + CONTEXT * (tid + 1) for tid in range(threads)]
    for tid, place in enumerate(places):
        libc.getcontext(ctypes.c_void_p(place))  # then: where to go at the end, and the stack
        fields = (ctypes.c_uint64 * 5).from_address(place)
        fields[1], fields[2], fields[4] = main, ctypes.addressof(stacks) + STACK * tid, STACK
        libc.makecontext(ctypes.c_void_p(place), ctypes.c_void_p(program.entry), 0)
    reached = threads
    while reached:
        reached = program.round(threads)
        assert reached in (0, threads), "a barrier that some threads of the block do not reach"


def _kind(argument: Any) -> str:
    """The type of an argument, as `offline.kinds` writes it."""
    if not isinstance(argument, np.ndarray):
        return np.asarray(argument).dtype.name
    return f"{argument.dtype.name} {argument.ndim} {'C' if argument.flags.c_contiguous else 'A'}"


def _slots(argument: Any) -> list[int]:
    """An argument as numba-cuda passes it, in words of 64 bits."""
    if isinstance(argument, np.ndarray):
        data = argument.ctypes.data
        return [0, 0, argument.size, argument.itemsize, data, *argument.shape, *(s % 2**64 for s in argument.strides)]
    value = np.asarray(argument)
    scalar = np.zeros(8 // value.itemsize, value.dtype)
    scalar[0] = value
    return [int(scalar.view(np.uint64)[0])]


class _Program:
    """A kernel compiled for this machine."""

    def __init__(self, modules: list[Any]) -> None:
        machine = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
        )
        whole, *rest = modules
        for module in rest:
            whole.link_in(module)
        whole.verify()
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(whole, builder)
        self._engine = llvm.create_mcjit_compiler(whole, machine)
        self._engine.finalize_object()
        self.round = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_int)(self._engine.get_function_address("round"))
        self.entry = self._engine.get_function_address("entry")

    def view(self, name: str, kind: Any) -> Any:
        """A global variable of the program."""
        return kind.from_address(self._engine.get_global_value_address(name))


@functools.cache
def _program(name: str, kinds: tuple[str, ...], fused: bool) -> _Program:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    texts = [_for_cpu(text, fused) for text in ir(name, kinds)]
    for function in set(re.findall(r'@"?__nv_(\w+)"?\(', "".join(texts))) - {"dmul_rn", "fmul_rn"}:
        address = ctypes.cast(getattr(ctypes.CDLL("libm.so.6"), function), ctypes.c_void_p).value
        llvm.add_symbol(f"__nv_{function}", address)
    modules = [llvm.parse_assembly(text) for text in texts]
    kernel = next(f for module in modules for f in module.functions if name in f.name and not f.is_declaration)
    kinds = [str(argument.type) for argument in kernel.arguments]
    slots = [f"ptr getelementptr ([{SLOTS} x i64], ptr @arguments, i32 0, i32 {i})" for i in range(len(kinds))]
    loads = "\n".join(f"%v{i} = load {kind}, {slot}" for i, (kind, slot) in enumerate(zip(kinds, slots, strict=True)))
    call = f'call void @"{kernel.name}"({", ".join(f"{kind} %v{i}" for i, kind in enumerate(kinds))})'
    entry = (
        f'declare void @"{kernel.name}"({", ".join(kinds)})\ndefine void @entry() {{\n{loads}\n{call}\nret void\n}}\n'
    )
    return _Program([*modules, llvm.parse_assembly(RUNTIME + entry)])


def _for_cpu(text: str, fused: bool) -> str:
    """NVVM IR without what only a GPU has."""
    text = re.sub(r"^(target .*|@\"llvm\.used\".*|!nvvm.*|!\d+ = .*_ZN.*)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\baddrspacecast\b", "bitcast", re.sub(r" ?addrspace\(\d\)", "", text))
    text = text.replace("llvm.nvvm.barrier0", "barrier").replace("llvm.nvvm.read.ptx.", "")
    return re.sub(r"= (fadd|fsub|fmul) ", r"= \1 contract ", text) if fused else text
