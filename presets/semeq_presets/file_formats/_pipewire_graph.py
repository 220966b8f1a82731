"""PipeWire's filter-chain graph: which nodes each output's sound goes through, and what PipeWire refuses.

Source: PipeWire, page "Filter-Chain" of the documentation and spa/plugins/filter-graph/filter-graph.c (ports, links, inputs and outputs,
copies of a graph for as many channels as there are).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._pipewire_nodes import Builtins, Part, mixer_gains, ports_of, word
from semeq_presets.file_formats._tree import Node, mapping, sequence, text

_MAX_NODES = 1_000
_MAX_PARTS = 10_000
Port = tuple[int, int]
"""Number of a node, and of its port."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What an output's sound comes from, and the parts that it goes through. why_not: what makes it no EQ of one input."""

    source: int
    parts: tuple[Part, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a graph, what feeds each input port, and the ports at its ends; None for an end that is not connected."""

    nodes: tuple[dict[str, Node], ...]
    feeds: Mapping[Port, Port]
    inputs: tuple[Port | None, ...]
    outputs: tuple[Port | None, ...]

    @property
    def is_series(self) -> bool:
        """Whether it is one node after the other, each with one way through."""
        last = len(self.nodes) - 1
        links = {(index, 0): (index - 1, 0) for index in range(1, last + 1)}
        plain = all(len(ports_of(word(node.get("label")), is_output=False)) == 1 for node in self.nodes)
        return plain and dict(self.feeds) == links and self.inputs == ((0, 0),) and self.outputs == ((last, 0),)


def graph_of(graph: Mapping[str, Node]) -> Graph:
    """Return a graph; raises PresetReadError for nodes and ports that are not there."""
    listed = sequence(graph.get("nodes"), "nodes")
    if not 1 <= len(listed) <= _MAX_NODES:
        raise PresetReadError(f"{len(listed)} nodes are outside 1..{_MAX_NODES}", where="nodes")
    nodes = tuple(mapping(node, f"node {count}") for count, node in enumerate(listed, start=1))
    names: dict[str, int] = {}
    for index, node in enumerate(nodes):
        names.setdefault(word(node.get("name")) or f"#{index}", index)
    last = len(nodes) - 1
    feeds: dict[Port, Port] = {}
    for item in sequence(graph["links"], "links") if graph.get("links") is not None else []:
        link = mapping(item, "links")
        source = _port(text(link.get("output"), "links output"), nodes, names, 0, is_output=True)
        target = _port(text(link.get("input"), "links input"), nodes, names, last, is_output=False)
        if source is None or target is None:
            continue
        if target in feeds:
            raise PresetReadError(f"link two outputs to {text(link.get('input'), 'links')[:40]!r}, which PipeWire refuses", where="links")
        feeds[target] = source
    ends = [_ends(graph, key, nodes, names, node, is_output=key == "outputs") for key, node in (("inputs", 0), ("outputs", last))]
    return Graph(nodes, feeds, *ends)


def chains_of(graph: Graph, builtins: Builtins) -> list[Chain]:
    """Return a chain for each output; raises PresetReadError for nodes on the way whose sound is not known."""
    known: dict[Port, Chain] = {}
    starts = {port: index for index, port in enumerate(graph.inputs) if port is not None}
    return [
        Chain(index, why_not="is silent") if port is None else _follow(port, graph, builtins, starts, known)
        for index, port in enumerate(graph.outputs)
    ]


def _follow(port: Port, graph: Graph, builtins: Builtins, starts: Mapping[Port, int], known: dict[Port, Chain]) -> Chain:
    """Return the chain of an output port; one node after the other rather than by recursion, so that long series are no problem."""
    waiting = [port]
    opened: set[Port] = set()
    while waiting:
        at = waiting[-1]
        if at in known:
            waiting.pop()
            continue
        inputs = _inputs_of(at, graph)
        missing = [graph.feeds[feed] for feed in inputs if feed not in starts and feed in graph.feeds and graph.feeds[feed] not in known]
        if missing:
            if at in opened:
                raise PresetReadError("go in a circle", where="links")
            opened.add(at)
            waiting += missing
            continue
        known[at] = _through(at, [_fed(feed, graph, starts, known) for feed in inputs], graph, builtins)
        waiting.pop()
    return known[port]


def _inputs_of(port: Port, graph: Graph) -> list[Port]:
    node, number = port
    label = word(graph.nodes[node].get("label"))
    if label == "mixer":
        return [(node, count) for count in range(len(ports_of(label, is_output=False)))]
    return [(node, number)]


def _fed(feed: Port, graph: Graph, starts: Mapping[Port, int], known: Mapping[Port, Chain]) -> Chain | None:
    """Return what comes into an input port, None for nothing."""
    if feed in starts:
        return Chain(starts[feed])
    return known[graph.feeds[feed]] if feed in graph.feeds else None


def _through(port: Port, fed: list[Chain | None], graph: Graph, builtins: Builtins) -> Chain:
    """Return what comes out of a node."""
    index, number = port
    node = graph.nodes[index]
    where = f"node {index + 1}"
    if word(node.get("type")) == "builtin" and word(node.get("label")) == "mixer":
        parts = zip(fed, mixer_gains(node, where), strict=True)
        return _mixed([(chain, gain) for chain, gain in parts if chain is not None and not gain.is_silent and chain.why_not != "is silent"])
    own = builtins.parts(node, index, number, where)
    (chain,) = fed
    if chain is None or any(part.is_silent for part in own):
        return Chain(0, why_not="is silent")
    if len(chain.parts) + len(own) > _MAX_PARTS:
        raise PresetReadError(f"go through over {_MAX_PARTS} filters", where="links")
    return replace(chain, parts=chain.parts + own)


def _mixed(heard: list[tuple[Chain, Part]]) -> Chain:
    """Return one input of a mixer, or the sum of equal ones; anything else is no EQ."""
    if not heard:
        return Chain(0, why_not="is silent")
    first, gain = heard[0]
    bad = next((chain.why_not for chain, _ in heard if chain.why_not), "")
    if bad:
        return Chain(0, why_not=bad)
    if len(heard) == 1:
        return replace(first, parts=(*first.parts, gain))
    if any(chain != first for chain, _ in heard):
        sources = sorted({chain.source + 1 for chain, _ in heard})
        alone = "adds up differently filtered copies"
        return Chain(0, why_not=f"is a mix of inputs {' and '.join(map(str, sources))}" if len(sources) > 1 else alone)
    level = sum((-1.0 if part.is_inverted else 1.0) * 10.0 ** (part.gain_db / 20.0) for _, part in heard)
    if level == 0.0:
        return Chain(0, why_not="is silent")
    return replace(first, parts=(*first.parts, Part(None, gain_db=20.0 * math.log10(abs(level)), is_inverted=level < 0.0)))


def _ends(
    graph: Mapping[str, Node], key: str, nodes: tuple[dict[str, Node], ...], names: Mapping[str, int], node: int, *, is_output: bool
) -> tuple[Port | None, ...]:
    """Return the ports at one end of a graph: those that are listed, else all of the first or last node."""
    listed = graph.get(key)
    if listed is None or listed == []:
        _check_known(nodes[node], node)
        return tuple((node, number) for number in range(len(ports_of(word(nodes[node].get("label")), is_output=is_output))))
    return tuple(_port(text(item, key), nodes, names, node, is_output=is_output) for item in sequence(listed, key))


def _check_known(node: Mapping[str, Node], index: int) -> None:
    if word(node.get("type")) != "builtin":
        Builtins(0.0).parts(dict(node), index, 0, f"node {index + 1}")  # says that it is a plug-in


def _port(written: str, nodes: tuple[dict[str, Node], ...], names: Mapping[str, int], node: int, *, is_output: bool) -> Port | None:
    """Return the port of a name "node:port" or, of a node that goes without saying, "port"; None for no connection or a control."""
    if written == "null":
        return None
    before, colon, name = written.partition(":")
    if colon and before in names:
        node = names[before]
    elif colon:
        raise PresetReadError(f"{written[:40]!r} names a node that is not there", where="links")
    else:
        name = written
    _check_known(nodes[node], node)
    known = ports_of(word(nodes[node].get("label")), is_output=is_output)
    if name in known:
        return node, known.index(name)
    raise PresetReadError(f"{written[:40]!r} is no {'output' if is_output else 'input'} for sound", where="links")
