#!/usr/bin/env python3
"""An independent second opinion on `attune score`.

Makes seeded random forms (complete ones, ones at the edges, ones with gaps), scores them with the functions below, has
`attune score` score the same forms, and prints every disagreement. The functions are written from the published scoring keys
named in their docstrings, not from survey-defs/; only the names of scales, bands and cut-offs are Attune's.

    scripts/oracle.py [--attune PATH] [--forms N] [--seed N] [INSTRUMENT ...]

Exit 0: all agree. 1: a disagreement, or something `attune score` printed could not be read. 2: it could not be run.
Needs Python 3.8 or newer and nothing else. What it does not compare: cut-offs that are not the authors' own, reliable change, problems.
"""

import argparse
import itertools
import json
import random
import subprocess
import sys
from fractions import Fraction

SHOWN = 10  # disagreements printed per instrument


def ids(first, last):
    return [str(n) for n in range(first, last + 1)]


# ---- what the keys have in common


def plain_sum(form, items):
    """The sum of the items; no score when one is missing."""
    values = [form[item] for item in items]
    return None if None in values else sum(values)


def zone(value, edges):
    """The name of the range a score lies in; `edges` are (name, lowest score), from the lowest."""
    if value is None:
        return None
    return [name for name, lowest in edges if value >= lowest][-1]


def score(value, edges=None, **cut_offs):
    expected = {"value": value, "cut_offs": {}}
    if edges:
        expected["band"] = zone(value, edges)
    for name, at_least in cut_offs.items():
        expected["cut_offs"][name] = None if value is None else value >= at_least
    return expected


def under_every_completion(form, items, ends, holds):
    """True or False when `holds` says the same however the blank items are filled in with `ends`; else None."""
    blank = [item for item in items if form[item] is None]
    seen = set()
    for filling in itertools.product(ends, repeat=len(blank)):
        seen.add(holds({**form, **dict(zip(blank, filling))}))
        if len(seen) == 2:
            return None
    return seen.pop()


# ---- one function for each instrument


def phq9(form, _sex):
    """Kroenke, Spitzer, Williams 2001, J Gen Intern Med 16:606-613: items 1 to 9 are added; 5, 10, 15, 20 begin mild, moderate,
    moderately severe and severe; 10 screens for major depression. Instruction Manual of the PHQ and GAD-7 measures: a symptom
    counts from "more than half the days" (2), item 9 from "several days" (1); with item 1 or 2 among them, five or more are the
    major and two to four the other depressive syndrome. Item 10 never counts. No rule for blanks: no score."""
    total = plain_sum(form, ids(1, 9))

    def symptoms(full):
        counted = [item for item in ids(1, 9) if full[item] >= (1 if item == "9" else 2)]
        return len(counted) if "1" in counted or "2" in counted else 0

    def pattern(low, high):
        return under_every_completion(form, ids(1, 9), (0, 3), lambda full: low <= symptoms(full) <= high)

    edges = [("minimal", 0), ("mild", 5), ("moderate", 10), ("moderately severe", 15), ("severe", 20)]
    return {
        "scores": {"total": score(total, edges, major_depression_screen=10)},
        "criteria": {"major_depressive_syndrome": pattern(5, 9), "other_depressive_syndrome": pattern(2, 4)},
        "flags": {"9"} if form["9"] else set(),
    }


def gad7(form, _sex):
    """Spitzer, Kroenke, Williams, Löwe 2006, Arch Intern Med 166:1092-1097: items 1 to 7 are added; 5, 10, 15 begin mild,
    moderate and severe; 10 screens for generalized anxiety disorder. NHS Talking Therapies manual: caseness from 8. Item 8
    never counts. No rule for blanks: no score."""
    edges = [("minimal", 0), ("mild", 5), ("moderate", 10), ("severe", 15)]
    total = plain_sum(form, ids(1, 7))
    return {"scores": {"total": score(total, edges, generalized_anxiety_screen=10, nhs_caseness=8)}}


def pcl5(form, _sex):
    """National Center for PTSD, Using the PCL-5: 20 items are added (0 to 80); clusters B 1-5, C 6-7, D 8-14, E 15-20; cut-point
    31 to 33. Provisional diagnosis: items rated 2 or higher; at least one of B, one of C, two of D, two of E. No rule for
    blanks: no score. The criterion only rises with the answers, so the lowest and the highest filling decide it."""
    clusters = {"b": (1, 5, 1), "c": (6, 7, 1), "d": (8, 14, 2), "e": (15, 20, 2)}

    def provisional(blank_is):
        full = {item: blank_is if value is None else value for item, value in form.items()}
        return all(sum(full[item] >= 2 for item in ids(a, b)) >= needed for a, b, needed in clusters.values())

    least, most = provisional(0), provisional(4)
    scores = {name: score(plain_sum(form, ids(a, b))) for name, (a, b, _) in clusters.items()}
    scores["total"] = score(plain_sum(form, ids(1, 20)), probable_ptsd=31, probable_ptsd_strict=33)
    return {"scores": scores, "criteria": {"provisional_ptsd": least if least == most else None}}


def audit(form, _sex):
    """Babor, Higgins-Biddle, Saunders, Monteiro 2001, AUDIT, WHO/MSD/MSB/01.6a: ten items are added (0 to 40). Never drinking
    (item 1) leads to items 9 and 10; so does a total of 0 on items 2 and 3. What is skipped counts 0. Zones I to IV begin at 0,
    8, 16, 20. Domains: consumption 1-3, dependence 4-6, harm 7-10. No rule for other blanks: no score."""
    taken = dict(form)
    if form["1"] == 0:
        taken.update(dict.fromkeys(ids(2, 8), 0))
    elif form["2"] == 0 and form["3"] == 0:
        taken.update(dict.fromkeys(ids(4, 8), 0))
    edges = [("zone I", 0), ("zone II", 8), ("zone III", 16), ("zone IV", 20)]
    parts = {"consumption": (1, 3), "dependence": (4, 6), "harm": (7, 10)}
    scores = {name: score(plain_sum(taken, ids(a, b))) for name, (a, b) in parts.items()}
    scores["total"] = score(plain_sum(taken, ids(1, 10)), edges, hazardous_or_harmful=8)
    return {"scores": scores}


def audit_c(form, sex):
    """Bush, Kivlahan, McDonell, Fihn, Bradley 1998, Arch Intern Med 158:1789-1795: the first three AUDIT items are added (0 to
    12); who never drinks (item 1) scores 0; positive for men from 4. Bradley et al. 2003, Arch Intern Med 163:821-829: for women
    from 3. Where the sex is not known neither holds. No rule for blanks: no score."""
    total = 0 if form["1"] == 0 else plain_sum(form, ids(1, 3))
    expected = score(total, positive_men=4, positive_women=3)
    expected["cut_offs"]["positive_men" if sex != "male" else "positive_women"] = None
    if sex is None:
        expected["cut_offs"] = dict.fromkeys(expected["cut_offs"])
    return {"scores": {"total": expected}}


def core10(form, _sex):
    """Barkham et al. 2013, Couns Psychother Res 13:3-13, and CORE System Trust: items 2 and 3 count 4 minus the answer; the
    clinical score is the mean of the answered items times 10, with at most one blank, to the nearest whole number. Clinical
    from 11, depression from 13. Connell, Barkham 2007, CORE-10 User Manual: low level, mild, moderate, moderate to severe,
    severe begin at 6, 11, 15, 20, 25."""
    counted = [4 - form[item] if item in ("2", "3") else form[item] for item in ids(1, 10) if form[item] is not None]
    total = None
    if len(counted) >= 9:
        mean_times_10 = Fraction(sum(counted), len(counted)) * 10
        total = int(mean_times_10 + Fraction(1, 2))
    edges = [("healthy", 0), ("low level", 6), ("mild", 11), ("moderate", 15), ("moderate to severe", 20), ("severe", 25)]
    return {
        "scores": {"total": score(total, edges, clinical=11, depression=13)},
        "flags": {"6"} if form["6"] else set(),
    }


def psc17(form, _sex):
    """Gardner et al. 1999, Ambul Child Health 5:225-236, with the scoring instructions of Massachusetts General Hospital: 17 items
    of 0 to 2; on the one-page form attention is 1, 3, 7, 13, 17, internalizing 2, 6, 9, 11, 15, externalizing 4, 5, 8, 10, 12,
    14, 16. At risk: total 15, internalizing 5, attention 7, externalizing 7. A blank counts 0; with four or more blanks the
    form is invalid, and so are its subscales."""
    parts = {
        "total": (range(1, 18), 15),
        "attention": ([1, 3, 7, 13, 17], 7),
        "internalizing": ([2, 6, 9, 11, 15], 5),
        "externalizing": ([4, 5, 8, 10, 12, 14, 16], 7),
    }
    valid = sum(value is None for value in form.values()) < 4
    scores = {}
    for name, (items, at_risk) in parts.items():
        value = sum(form[str(item)] or 0 for item in items) if valid else None
        scores[name] = score(value, positive=at_risk)
    return {"scores": scores}


def k10(form, _sex):
    """Kessler et al. 2002, Psychol Med 32:959-976, as scored in Australia: ten items of 1 (none of the time) to 5 (all of the
    time) are added (10 to 50). Australian Bureau of Statistics 4817.0.55.001: low 10-15, moderate 16-21, high 22-29, very high
    30-50. Australian Institute of Health and Welfare, METeOR 376091: low 10-19, mild 20-24, moderate 25-29, severe 30-50. No rule
    for blanks: no score."""
    total = plain_sum(form, ids(1, 10))
    expected = score(total)
    expected["schemes"] = {
        "abs": zone(total, [("low", 10), ("moderate", 16), ("high", 22), ("very high", 30)]),
        "aihw": zone(total, [("low", 10), ("mild", 20), ("moderate", 25), ("severe", 30)]),
    }
    return {"scores": {"total": expected}}


# ---- the forms

# Each item and the numbers printed beside its answers.
FORMS = {
    phq9: [(ids(1, 10), range(0, 4))],
    gad7: [(ids(1, 8), range(0, 4))],
    pcl5: [(ids(1, 20), range(0, 5))],
    audit: [(ids(1, 8), range(0, 5)), (ids(9, 10), (0, 2, 4))],
    audit_c: [(ids(1, 3), range(0, 5))],
    core10: [(ids(1, 10), range(0, 5))],
    psc17: [(ids(1, 17), range(0, 3))],
    k10: [(ids(1, 10), range(1, 6))],
}


def random_form(dice, layout):
    """One form: how high its answers tend to be and how many gaps it has differ from form to form, so that every range is met."""
    lean = dice.choice((0.3, 0.6, 1.0, 1.7, 3.0))
    gaps = dice.choice((0, 0, 0, 1, 1, 2, 3, 4, 5, None))
    form = {}
    for items, values in layout:
        for item in items:
            form[item] = values[min(int(dice.random() ** lean * len(values)), len(values) - 1)]
    names = list(form)
    for item in dice.sample(names, dice.randint(0, len(names)) if gaps is None else min(gaps, len(names))):
        form[item] = None
    return form


def as_filled_in(dice, key, form):
    """Nobody is asked what the form skips: mostly blank there, sometimes 0."""
    skipped = []
    if key in (audit, audit_c) and form["1"] == 0:
        skipped = ids(2, 8)
    elif key is audit and form["2"] == 0 and form["3"] == 0:
        skipped = ids(4, 8)
    if not skipped:
        return form
    blank = key is audit and dice.random() < 0.8
    return {**form, **{item: None if blank else 0 for item in skipped if item in form}}


# ---- the comparison


def same(ours, theirs):
    if ours is None or isinstance(ours, (bool, str)):
        return ours is theirs if ours is None or isinstance(ours, bool) else ours == theirs
    return isinstance(theirs, (int, float)) and not isinstance(theirs, bool) and abs(float(ours) - theirs) < 1e-9


def differences(expected, got):
    """What differs as (what, ours, theirs), and how many values were compared."""
    found, compared = [], 0

    def compare(what, ours, theirs):
        nonlocal compared
        compared += 1
        if not same(ours, theirs):
            found.append((what, ours, theirs))

    for name, wanted in expected["scores"].items():
        theirs = got["scores"].get(name)
        if theirs is None:
            found.append((name, "a score", "no such scale"))
            continue
        compare(f"{name}.value", wanted["value"], theirs["value"])
        if "band" in wanted:
            compare(f"{name}.band", wanted["band"], theirs["band"])
        for scheme, band in wanted.get("schemes", {}).items():
            in_use = theirs.get("scheme") == scheme
            compare(f"{name}.{scheme}", band, theirs["band"] if in_use else theirs.get("other_bands", {}).get(scheme))
        for cut_off, reached in wanted["cut_offs"].items():
            compare(f"{name}.{cut_off}", reached, theirs["cut_offs"].get(cut_off, "no such cut-off"))
    for name, holds in expected.get("criteria", {}).items():
        compare(name, holds, got["criteria"].get(name, "no such criterion"))
    flags = sorted(expected.get("flags", ()))
    compare("flags", " ".join(flags), " ".join(sorted(flag["item"] for flag in got["flags"])))
    return found, compared


def check(key, attune, count, seed):
    """How many disagreements this instrument has."""
    name = key.__name__
    dice = random.Random(f"{seed} {name}")
    forms = [as_filled_in(dice, key, random_form(dice, FORMS[key])) for _ in range(count)]
    sexes = [dice.choice(("female", "male", None)) for _ in forms]
    lines = "".join(json.dumps({"answers": form, "sex": sex}) + "\n" for form, sex in zip(forms, sexes))
    run = subprocess.run([attune, "score", name], input=lines, capture_output=True, text=True, check=False)
    answers = run.stdout.splitlines()
    if run.returncode != 0 or len(answers) != count:
        print(f"{name}: attune score ended with {run.returncode} and {len(answers)} of {count} lines. {run.stderr.strip()}")
        return 1
    compared = wrong = scored = 0
    for form, sex, line in zip(forms, sexes, answers):
        expected = key(form, sex)
        found, values = differences(expected, json.loads(line))
        compared += values
        scored += expected["scores"]["total"]["value"] is not None
        for what, ours, theirs in found:
            wrong += 1
            if wrong <= SHOWN:
                print(f"{name}: {what}: key {ours}, attune {theirs}: {json.dumps(form)} {sex or ''}")
    print(f"{name}: {count} forms, {scored} with a total, {compared} values compared, {wrong} disagreements")
    return wrong


def main():
    names = {key.__name__: key for key in FORMS}
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--attune", default="target/release/attune", help="the program; default: %(default)s")
    arguments.add_argument("--forms", type=int, default=2000, help="forms for each instrument; default: %(default)s")
    arguments.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    arguments.add_argument("instruments", nargs="*", metavar="INSTRUMENT", help="default: " + " ".join(names))
    given = arguments.parse_args()
    unknown = [name for name in given.instruments if name not in names]
    if unknown:
        arguments.error(f"no key for {' '.join(unknown)}; there are keys for {' '.join(names)}")
    wrong = 0
    for name in given.instruments or names:
        try:
            wrong += check(names[name], given.attune, given.forms, given.seed)
        except OSError as fault:
            print(f"{given.attune} could not be run: {fault}", file=sys.stderr)
            return 2
        except (ValueError, KeyError, TypeError) as fault:
            print(f"{name}: what attune printed could not be read: {fault!r}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
