"""The mail part of scripts/bench: Attune's outbox beside Postfix's own load generator, both sending to one smtp-sink on loopback.

Attune's side is the whole way of an invitation: claimed, looked at once more, rendered with its own link, sent, and its state and attempt on disk. The
rate is of the relay's words that are stored: from the first attempt of a run to the last. smtp-source sends texts of the same length over kept connections (-d).
Needs smtp-sink and smtp-source (Debian's package postfix; its service need not run) and an existing SQLite for reading the counts.
"""
import datetime
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

CONNECTIONS = (16, 1)
# (must, aim) as in performance.md: of smtp-source's rate with 16 connections; messages a second with one.
GOAL_16, GOAL_1 = (0.25, 0.5), (1000, 8000)
HEAD = ("patient_id,name,email,language,time_zone,clinic_id,clinic,program_id,program,clinician,episode_start,"
        "instruments,cadence\n")


def tool(name):
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    return found or sys.exit(f"{name} is missing: install postfix for its test programs")


class Sink:
    """An smtp-sink on a free port."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        # As root it wants to be somebody else.
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.process = subprocess.Popen([tool("smtp-sink"), *user, f"127.0.0.1:{self.port}", "1000"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        sys.exit("smtp-sink does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def queue_invitations(site, messages):
    """A site whose outbox holds so many invitations, and no service."""
    site.run("migrate", stdout=subprocess.DEVNULL)
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=20)
    patients, sessions = site.folder / "patients.csv", site.folder / "sessions.csv"
    # Where it is early afternoon now: quiet hours hold nothing. The names of these zones count westward.
    ahead = 13 - datetime.datetime.now(datetime.timezone.utc).hour
    zone = f"Etc/GMT{-ahead:+d}" if ahead else "Etc/UTC"
    row = ("P{0},Zephyrine Quillfeather,p{0}@patients.example.org,en," + zone + ",north,North House,main,"
           "Outpatient,lee@staff.example.org,2026-01-05,gad7,before_session:24\n")
    patients.write_text(HEAD + "".join(row.format(n) for n in range(messages)))
    sessions.write_text("session_id,patient_id,starts_at,state\n" + "".join(
        f"S{n},P{n},{tomorrow:%Y-%m-%dT%H:%M:%SZ},planned\n" for n in range(messages)))
    first = site.folder / "first.csv"
    first.write_text(HEAD + row.format(0))
    site.start()
    # The clinic comes with a file; its people are added before its patients can be.
    subprocess.run([site.attune, "import", "patients", first], env=site.environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=False)
    link = site.run("user", "add", "--email", "lee@staff.example.org", "--name", "Lee", "--role", "therapist", "--licence",
                    "L1", "--clinic", "north", stdout=subprocess.PIPE).stdout.strip()
    password = "four plain words in a row"
    form = urllib.parse.urlencode({"password": password, "again": password}).encode()
    urllib.request.urlopen(f"http://{site.address}{urllib.parse.urlparse(link).path}", form)
    for what, file in (("patients", patients), ("sessions", sessions)):
        site.run("import", what, str(file), stdout=subprocess.DEVNULL)
    began = time.monotonic()
    while waiting(site) < messages:
        if time.monotonic() - began > 300:
            sys.exit(f"only {waiting(site)} of {messages} invitations were planned")
        time.sleep(0.5)
    site.stop()


def database(site):
    return sqlite3.connect(site.data / "attune.sqlite", timeout=30)


def waiting(site):
    with database(site) as db:
        return db.execute("SELECT count(*) FROM outbox WHERE kind = 'invitation' AND ended_at IS NULL").fetchone()[0]


def send_all(site, sink, connections, messages):
    """Sends everything once with so many connections; messages a second."""
    with database(site) as db:
        db.execute("UPDATE outbox SET state = 'queued', ended_at = NULL, attempts = 0, lease_until = NULL WHERE kind = 'invitation'")
        db.execute("UPDATE administration SET state = 'planned'")
        db.execute("DELETE FROM send_attempt")
        db.execute("DELETE FROM outbox WHERE kind <> 'invitation'")
    site.environment.update(ATTUNE_SMTP_URL=f"smtp://127.0.0.1:{sink.port}", ATTUNE_SMTP_CONNECTIONS=str(connections))
    site.start()
    while waiting(site):
        if site.service.poll() is not None:
            sys.exit("the service ended:\n" + (site.folder / "serve.log").read_text()[-3000:])
        time.sleep(0.5)
    site.stop()
    with database(site) as db:
        accepted, first, last = db.execute(
            "SELECT count(*), min(julianday(at)), max(julianday(at)) FROM send_attempt WHERE outcome = 'accepted'").fetchone()
        sent = db.execute("SELECT count(*) FROM outbox WHERE kind = 'invitation' AND state = 'accepted'").fetchone()[0]
    if (accepted, sent) != (messages, messages):
        sys.exit(f"LOST OR DOUBLED: {messages} queued, {accepted} attempts accepted, {sent} messages accepted")
    return messages / ((last - first) * 86_400)


def source(sink, connections, messages, length):
    began = time.perf_counter()
    subprocess.run([tool("smtp-source"), "-d", "-s", str(connections), "-m", str(messages), "-l", str(length), "-f",
                    "forms@example.org", "-t", "pat@example.org", f"127.0.0.1:{sink.port}"], check=True)
    return messages / (time.perf_counter() - began)


def bench(site, messages, rounds, length=2400):
    """Prints and returns {figure: rates}."""
    print(f"mail: {messages} invitations …", flush=True)
    queue_invitations(site, messages)
    rates = {"smtp-source 16": []} | {f"attune {c}": [] for c in CONNECTIONS}
    with Sink() as sink:
        for number in range(rounds):
            rates["smtp-source 16"].append(source(sink, 16, messages * 3, length))
            for connections in CONNECTIONS:
                rates[f"attune {connections}"].append(send_all(site, sink, connections, messages))
            print(f"mail: round {number + 1} of {rounds}: " + ", ".join(
                f"{name}: {values[-1]:.0f}/s" for name, values in rates.items()), flush=True)
    ratio = statistics.median(a / b for a, b in zip(rates["attune 16"], rates["smtp-source 16"]))
    one = statistics.median(rates["attune 1"])
    for name, value, (must, aim) in (("ratio 16", ratio, GOAL_16), ("per second 1", one, GOAL_1)):
        word = "aim met" if value >= aim else "must met" if value >= must else "NOT MET"
        print(f"  {name:<16}{value:>10.{0 if value >= 100 else 2}f}  must {must}  aim {aim}  {word}")
    return rates
