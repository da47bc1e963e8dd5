#!/usr/bin/env python3
"""How many durable single-row commits a second this disk gives SQLite: the limit that submissions are held against.

One connection, WAL, synchronous=FULL, one transaction a row; the row has a unique text key and one more index, as a
stored answer has. usage: sqlite_commits.py NEW_FILE SECONDS
"""
import pathlib
import sqlite3
import sys
import time

SCHEMA = """
create table answer_sheet (
  id integer primary key, link text not null unique, episode integer not null, form integer not null,
  answers text not null, total integer not null, raised integer not null, received integer not null
);
create index answer_sheet_by_episode on answer_sheet (episode, received);
"""
INSERT = ("insert into answer_sheet (link, episode, form, answers, total, raised, received)"
          " values (?, ?, 1, '[2,1,3,0,1,2,1,1,0]', 11, 0, ?)")


def rows():
    """Keys without order, as random tokens are: an xorshift, so that every run stores the same."""
    state = 88172645463325252
    number = 0
    while True:
        number += 1
        state ^= (state << 13) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 7
        state ^= (state << 17) & 0xFFFFFFFFFFFFFFFF
        yield f"{state:016x}{number:x}", state % 100_000, number


def main():
    file, seconds = pathlib.Path(sys.argv[1]), float(sys.argv[2])
    if file.exists():
        sys.exit(f"{file} exists; give the name of a new file")
    connection = sqlite3.connect(file, isolation_level=None)
    mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
    connection.execute("pragma synchronous = full")
    level = connection.execute("pragma synchronous").fetchone()[0]
    if (mode, level) != ("wal", 2):
        sys.exit(f"journal mode {mode}, synchronous {level}: not what is measured here")
    connection.executescript(SCHEMA)
    waits = []
    began = now = time.perf_counter()
    for row in rows():
        if now - began >= seconds:
            break
        connection.execute("begin immediate")
        connection.execute(INSERT, row)
        connection.execute("commit")
        before, now = now, time.perf_counter()
        waits.append(now - before)
    waits.sort()
    print(f"commits={len(waits)} per_second={len(waits) / (now - began):.0f}"
          f" p50_ms={waits[len(waits) // 2] * 1e3:.3f} p99_ms={waits[len(waits) * 99 // 100] * 1e3:.3f}"
          f" sqlite={sqlite3.sqlite_version}")


main()
