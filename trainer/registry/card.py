"""Card: what a bundle is, in plain words, for whoever decides whether it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.bundle import Lineage
from contracts.verdict import Verdict

WORDS = {"pass": "pass", "fail": "FAIL", "not_enough_data": "not enough data"}
ORDER = ("fail", "not_enough_data", "pass")


def card(fields: Mapping[str, Any], lineage: Lineage, verdict: Verdict | None, golden: Mapping[str, str]) -> str:
    """`fields` are those of bundle.json; `golden` says of each picture why it is there."""
    parts = [_what(fields), _good(fields, verdict), _gates(verdict), _learnt(fields, lineage), _runs(fields), _golden(golden)]
    return "\n\n".join("\n".join(part) for part in (list(each) for each in parts) if part) + "\n"


def _what(fields: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {fields['name']} {fields['version']}{' (draft)' if fields['draft'] else ''}"
    if fields["draft"]:
        yield ""
        yield "**A draft.** It was made to be judged. It has not passed the gates, and no box should get it."
    yield ""
    yield f"Finds: {', '.join(map(_plain, fields['labels']))}."
    floors = fields["class_confidence"]
    if floors:
        yield "A thing is shown from this confidence on: " + ", ".join(f"{_plain(name)} {value:g}" for name, value in floors.items()) + "."
    yield f"Licence: {_plain(fields['license']) or 'not stated'}."
    if fields["source"]:
        yield f"Source: {_plain(fields['source'])}"


def _good(fields: Mapping[str, Any], verdict: Verdict | None) -> Iterator[str]:
    yield "## How good it is"
    yield ""
    test, val = fields["metrics"].get("test", {}), fields["metrics"].get("validation", {})
    if not test:
        yield "Nothing was measured on test pictures that it never saw. Judge it on recordings of your own cameras before you rely on it."
    else:
        yield "On the frozen test part, recordings that neither it nor anybody who chose it has seen, with the bounds of the gates:"
        yield ""
        yield "| figure | of | value | at least | at most | recordings |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for metric, by_label in test.items():
            for label, each in by_label.items():
                bounds = " | ".join("" if each[name] is None else f"{each[name]:.3f}" for name in ("low", "high"))
                yield f"| {metric} | {_plain(label)} | {each['value']:.3f} | {bounds} | {each['recordings']} |"
    told = ", ".join(f"{name} {value:.3f}" for name, value in val.items() if isinstance(value, float))
    if told:
        yield ""
        yield f"On validation, by which it was chosen, and therefore flattering: {told}."
    if verdict is not None:
        yield ""
        yield f"The test set is {verdict.test_set.level.replace('_', ' ')}: {_plain(verdict.test_set.note)}."


def _gates(verdict: Verdict | None) -> Iterator[str]:
    yield "## What the gates said"
    yield ""
    if verdict is None:
        yield "They were not asked."
        return
    title = "It may become the champion." if verdict.takes_the_title else "It does not become the champion."
    yield f"**{WORDS[verdict.answer]}.** {title}"
    for who, model in (("champion", verdict.champion), ("parent", verdict.parent)):
        if model:
            yield f"Compared with the {who} {_plain(model)}."
    yield ""
    yield "| rule | answer | why |"
    yield "| --- | --- | --- |"
    for rule in dict.fromkeys(check.rule for check in verdict.checks):
        checks = [check for check in verdict.checks if check.rule == rule]
        worst = min(checks, key=lambda check: (ORDER.index(check.answer) if check.binding else len(ORDER), check.label, check.slice))
        more = f" (and {len(checks) - 1} more questions)" if len(checks) > 1 else ""
        yield f"| {_plain(rule)} | {WORDS[worst.answer]} | {_plain(worst.why)}{more} |"
    for override in verdict.overrides:
        yield ""
        yield f"**Set aside**: {_plain(override.rule)}, by {_plain(override.name)}: {_plain(override.reason)}"


def _learnt(fields: Mapping[str, Any], lineage: Lineage) -> Iterator[str]:
    yield "## Where it comes from"
    yield ""
    yield f"- Trained by {_plain(lineage.trainer) or 'somebody who did not say'}{f', run {lineage.run}' if lineage.run else ''}."
    yield f"- Data set: {fields['dataset'] or 'root not known'}; divided as in the split of {lineage.split or 'the set itself'}."
    yield f"- Parent: {_plain(fields['parent'] or 'none, it began from nothing or nobody wrote it down')}."
    if lineage.pictures:
        yield "- Pictures: " + ", ".join(f"{count} for {name}" for name, count in sorted(lineage.pictures.items())) + "."
    if lineage.examples:
        yield "- Learnt from: " + ", ".join(f"{count} of {_plain(name)}" for name, count in sorted(lineage.examples.items())) + "."
    for reason, sampled in lineage.sampling.items():
        least = sampled.least_probability
        chance = "with a chance that is not known" if least is None else f"the rarest with a chance of {least:g}"
        yield f"- Of these pictures {sampled.pictures} were kept for `{_plain(reason)}`, {chance}."
    if lineage.points_root:
        yield f"- Confidences were chosen on {lineage.points_root}, never on test pictures."
    if lineage.test_root:
        yield f"- Judged on {lineage.test_root}."


def _runs(fields: Mapping[str, Any]) -> Iterator[str]:
    spec, needs = fields["input"], fields["needs"]
    height, width = spec["size"]
    yield "## What it needs"
    yield ""
    other = f", or any sides of a multiple of {spec['multiple']}" if spec["multiple"] else ""
    yield f"A picture of {width}x{height}{other}; ONNX opset {needs['opset']}; Vedette {needs['vedette']} or newer;"
    yield f"about {needs['memory_mib']} MiB of memory for weights and one picture (estimated from the graph)."


def _golden(golden: Mapping[str, str]) -> Iterator[str]:
    if not golden:
        return
    yield "## Golden pictures"
    yield ""
    yield "A box asks the model about these before it serves, and refuses it when the answers are others:"
    yield ""
    for path, why in golden.items():
        yield f"- `{path}`: {why}"


def _plain(text: str) -> str:
    """One line that is text and no markup, wherever it came from."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return "".join(f"\\{character}" if character in "\\`*_[]<>|#!" else character for character in line)
