"""The embedded Reber grammar: its automaton, and a Markov chain that draws strings which hold their cue long enough.

An embedded string is B, a cue T or P, a string of the Reber grammar, the cue again, and E. Each branch of the grammar
is taken with probability 1/2. The cue is held for as many steps as the inner string has symbols.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import torch
from torch import Tensor

SYMBOLS: Final = ("B", "T", "P", "S", "X", "V", "E")
CUES: Final = ("T", "P")
SHORTEST: Final = 5  # symbols of the shortest inner strings, B T X S E and B P V V E
FRAME: Final = 4  # symbols of a string around the inner one

REBER: Final = {  # from each node the symbols that may follow, and the nodes they lead to
    "begin": {"B": "fork"},
    "fork": {"T": "s or x", "P": "t or v"},
    "s or x": {"S": "s or x", "X": "x or s"},
    "t or v": {"T": "t or v", "V": "p or v"},
    "x or s": {"X": "t or v", "S": "end"},
    "p or v": {"P": "x or s", "V": "end"},
    "end": {"E": "done"},
}
EMBEDDED: Final = {  # a copy of the grammar for each cue, so that a node determines the cue
    "start": {"B": "cue"},
    "cue": {cue: f"{cue} begin" for cue in CUES},
    **{f"{cue} {at}": {s: f"{cue} {to}" for s, to in way.items()} for cue in CUES for at, way in REBER.items()},
    **{f"{cue} done": {cue: "last"} for cue in CUES},
    "last": {"E": "start"},
}
NODES: Final = tuple(EMBEDDED)
START: Final = NODES.index("start")
FOLLOWING: Final = ("B", "E", "T", "P", "TP", "SX", "TV", "PV")  # every set of symbols that may follow, as a class
FOLLOWING_CUE: Final = tuple(FOLLOWING.index(cue) for cue in CUES)  # the classes of the answers


def _class_of(node: str) -> int:
    return next(i for i, symbols in enumerate(FOLLOWING) if set(symbols) == set(EMBEDDED[node]))


def _next_nodes() -> Tensor:
    table = torch.full((len(NODES), len(SYMBOLS)), START)
    for node, ways in EMBEDDED.items():
        for symbol, to in ways.items():
            table[NODES.index(node), SYMBOLS.index(symbol)] = NODES.index(to)
    return table


NEXT_NODE: Final = _next_nodes()  # [nodes, symbols]; where a symbol may not follow, START
CLASS_OF_NODE: Final = torch.tensor([_class_of(node) for node in NODES])  # [nodes], indices of FOLLOWING


class Chain(NamedTuple):
    """A Markov chain whose states are a node and the number of symbols that its inner string still needs.

    Two ways lead on from each state, the same one twice where the grammar has one; way w of state i is edge 2 i + w.
    The chain starts in state START and returns to it at the end of each string.

    Shapes: p_first [states], the probability of way 0; next_state, symbol, following [edges], the state an edge leads
    to, the symbol read on it and the class of the symbols that may follow after it.
    """

    p_first: Tensor
    next_state: Tensor
    symbol: Tensor
    following: Tensor
    begins: tuple[int, ...]  # the states in which an inner string begins
    dones: tuple[int, ...]  # the states in which it is over


@lru_cache(maxsize=64)
def held_chain(hold: int, exact: bool = False) -> Chain:
    """Return the chain that draws strings of the grammar, given that the inner string has at least `hold` symbols.

    The distribution is the grammar's own, conditioned: with w_r(s) the probability that an inner string at node s goes
    on for at least r more symbols, way s -> s', the other being s'', has the probability
    w_{r-1}(s') / (w_{r-1}(s') + w_{r-1}(s'')).

    Args:
        hold: symbols of an inner string, at least SHORTEST.
        exact: draw inner strings of exactly `hold` symbols; w_r is then the probability of exactly r more.
    """
    weights = _weights(hold, exact)
    edges: list[tuple[int, int, int]] = []
    p_first: list[float] = []
    for needed in range(hold + 1):
        for node in NODES:
            ways = list(EMBEDDED[node].items())
            first, second = ways[0], ways[-1]
            remaining = hold if node == "cue" else max(needed - 1, 0)
            w = [weights[remaining].get(to.partition(" ")[2], 1.0) for _, to in (first, second)]
            p_first.append(w[0] / (w[0] + w[1]) if w[0] + w[1] > 0 else 0.5)  # else a state that is never reached
            for symbol, to in (first, second):
                target = NODES.index(to)
                edges.append((remaining * len(NODES) + target, SYMBOLS.index(symbol), int(CLASS_OF_NODE[target])))
    next_state, symbol_read, following = torch.tensor(edges).T.contiguous()
    return Chain(
        torch.tensor(p_first, dtype=torch.float64), next_state, symbol_read, following,
        begins=tuple(hold * len(NODES) + NODES.index(f"{cue} begin") for cue in CUES),
        dones=tuple(NODES.index(f"{cue} done") for cue in CUES),
    )  # fmt: skip


def _weights(hold: int, exact: bool) -> list[dict[str, float]]:
    """Return w_r of each node of REBER for r = 0 .. hold, each row up to a factor, which keeps it above underflow."""
    rows = [{node: float(not exact or node == "done") for node in (*REBER, "done")}]
    for _ in range(hold):
        row = {node: sum(rows[-1][to] for to in ways.values()) / len(ways) for node, ways in REBER.items()}
        largest = max(row.values())
        rows.append({node: w / largest for node, w in row.items()} | {"done": 0.0})
    return rows


def walk(chain: Chain, uniform: Tensor) -> Tensor:
    """Return the edges that uniform numbers [L, ...] choose, one per step, from the start."""
    p_first, next_state = chain.p_first.to(uniform.dtype), chain.next_state
    state = torch.full(uniform.shape[1:], START)
    edges = torch.empty(uniform.shape, dtype=torch.long)
    for t, draw in enumerate(uniform):
        edges[t] = 2 * state + (draw >= p_first[state])
        state = next_state[edges[t]]
    return edges


def occupancy(chain: Chain, steps: int, once: bool = False) -> Tensor:
    """Return the expected number of steps [symbols, classes] at which a symbol is read and a class may follow.

    Args:
        chain: the chain, followed from its start.
        steps: steps to follow it.
        once: count the first string alone.
    """
    counts = torch.zeros(len(SYMBOLS) * len(FOLLOWING), dtype=torch.float64)
    cell = chain.symbol * len(FOLLOWING) + chain.following
    state = torch.zeros_like(chain.p_first)
    state[START] = 1.0
    for _ in range(steps):
        edge = _edges(chain, state)
        counts.index_add_(0, cell, edge)
        state = torch.zeros_like(state).index_add_(0, chain.next_state, edge)
        if once:
            state[START] = 0.0
    return counts.view(len(SYMBOLS), len(FOLLOWING))


@lru_cache(maxsize=64)
def median_hold(hold: int) -> int:
    """Return the median number of symbols of an inner string that has at least `hold`."""
    chain = held_chain(hold)
    state = torch.zeros_like(chain.p_first)
    state[list(chain.begins)] = 1 / len(chain.begins)
    symbols, over = 0, 0.0
    while over < 0.5:
        state = torch.zeros_like(state).index_add_(0, chain.next_state, _edges(chain, state))
        symbols += 1
        over += float(state[list(chain.dones)].sum())
    return symbols


def _edges(chain: Chain, state: Tensor) -> Tensor:
    """Return the probability [edges] of each edge, from a distribution [states] over the states."""
    return torch.stack((state * chain.p_first, state * (1 - chain.p_first)), dim=1).flatten()
