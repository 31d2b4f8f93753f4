"""The table of messages: what each frame means, and who sends it on which connection.

A worker has two connections. The main thread of the worker reads the *call* connection itself, so that a call costs no
thread hop. A small thread serves the *control* connection, so that a worker stuck in a long call still answers.

| frame | connection | from | task | body | buffers |
|---|---|---|---|---|---|
| HELLO | call | worker | - | a dict: `protocol`, `python`, `pid`, `segment` (whether it has the shared memory) | - |
| CALL | call | host | number | target header, then the values `(args, kwargs)` | of the values |
| SCRIPT | call | host | number | target header, then the values `(args, run_name)` | of the values |
| BATCH | call | host | number | target header, then a list of (number, values) pairs | - |
| STREAM | call | host | number | target header, then the values `(args, kwargs, credits)` | of the values |
| CALLBACK | call | worker | number | a head, see `wetlands_worker.callbacks`, then `(args, kwargs)` | of the values |
| ITEM | call | worker | number | one item of a stream | of the value |
| CHUNK | call | host | number | target header, then the values `(items, None)` | of the values |
| RESULT | call | worker | number | the value; of a batch: how many of its calls were begun | of the value |
| FAILURE | call | worker | number | a plain tuple, see `wetlands_worker.answers` | - |
| CANCELED | call | worker | number | empty | - |
| UPDATE | call | worker | number | `(message, current, maximum)`; None: unchanged | - |
| OUTPUT | call | worker | number | `(key, value)` | of the value |
| LOG | call | worker | number | `(level, message)` | - |
| RETURNED | call | both | - | places of leases that ended, 8 bytes each, see `wetlands_worker.exchange` | - |
| UNDELIVERED | call | worker | of a CALL none | what its program never read, see `wetlands_worker.persistent` | of it |
| TAKEN | call | host | - | empty: the host has all of those | - |
| READ | call | host | number | empty: the host has read the answer of that number, and all before it | - |
| CANCEL | control | host | number | empty | - |
| INTERRUPT | control | host | number | empty | - |
| CALLED | control | host | number | which CALLBACK, whether it returned or raised, then the value | of the value |
| CREDIT | control | host | number of a stream | how many more items may be sent, a plain number | - |
| RECALL | control | host | number of a batch | empty | - |
| RECALLED | control | worker | the same | how many of its calls stay with the worker | - |
| PING | control | host | any | empty | - |
| PONG | control | worker | the same | empty | - |
| STACK | control | host | any | empty | - |
| STACKS | control | worker | the same | a plain tuple, see `wetlands_worker.stacks` | - |
| DEBUG | control | host | any | `(folder of debugpy, interpreter for its adapter)` | - |
| DEBUGGER | control | worker | the same | `(host, port, what went wrong or None)` | - |
| LOOK | of purpose ``look`` | who looks | of a question | JSON, see `wetlands_worker.looking` | - |
| SEEN | of purpose ``look`` | program or keeper | the same | JSON, as above | - |
| ADOPT | control | host | number of a segment | its length, 8 bytes, and its name, or a descriptor with the frame | - |
| FORGET | control | host | number of a segment | empty | - |
| ASKED | control | worker | of a question | how many bytes more it needs to lend, and wants to, 8 bytes each | - |
| GRANTED | control | host | the same | how many more it may lend, 8 bytes | - |
| GAVE | control | worker | - | how many fewer it needs from now on, 8 bytes | - |
| COOL | control | host | - | empty: it shall keep no memory for later results | - |

A keeper of persistent workers (`wetlands_worker.keeper`) has one connection with the program that it serves:

| frame | from | number | body |
|---|---|---|---|
| HELD | keeper | - | `(pid, name, since)` of the program that it serves now: this one has to wait |
| WELCOME | keeper | - | `(plan, workers)`: what was launched, or None; of each worker `(index, pid, nonce)` |
| START | program | of a request | `(index, command, variables)` |
| DONE | keeper | the same | of START `(pid, nonce)`, of LAUNCHED None; or why not, as text |
| ATTACH | program | pid | `(ticket, page, segment, session, folder)`; two connections with that ticket come beside it |
| LEAVE | program | pid | empty: the worker shall end |
| LAUNCHED | program | of a request | `(plan, started)`: all are ready; when each process was started, by its pid |
| ENDED | keeper | pid | `(status, peak)` as of ``wait4`` |
| WROTE | keeper | pid | 1 or 2, for stdout or stderr, in one byte; then what it wrote |

A BATCH is many small calls in one frame: the worker runs one after the other, and answers each by itself before it
begins the next, so that nothing but the running call is in doubt when it dies.

A STREAM is a call whose items come one by one, each for one credit; what the generator returned is its RESULT. CANCEL
closes it where it stands.

Fields that a receiver does not know are ignored; a kind that it does not know breaks the connection. Some
numbers from 64 up are kept for references to values that stay in a worker.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple, Union

PROTOCOL_VERSION = 2

HELLO = 1
CALL = 2
SCRIPT = 3
RESULT = 4
FAILURE = 5
CANCELED = 6
UPDATE = 7
OUTPUT = 8
LOG = 9
BATCH = 10
RETURNED = 11
STREAM = 12
CHUNK = 13
UNDELIVERED = 14
TAKEN = 15
READ = 16

CANCEL = 32
INTERRUPT = 33
PING = 34
PONG = 35
RECALL = 36
RECALLED = 37
STACK = 38
STACKS = 39
DEBUG = 40
DEBUGGER = 41
LOOK = 50
SEEN = 51
ADOPT = 60
FORGET = 61
ASKED = 56
GRANTED = 57
GAVE = 58
COOL = 59

HELD = 80
WELCOME = 81
START = 82
DONE = 83
ATTACH = 84
LEAVE = 85
LAUNCHED = 86
ENDED = 87
WROTE = 88

ITEM = 64
CREDIT = 65
CALLBACK = 66
CALLED = 67


def pack_target(target: str, function: str) -> bytes:
    """The head of a CALL or SCRIPT body: which module or file, and which function of it.

    It is the same for every call of one function, so the host builds it once and the worker looks it up as it is.
    """
    text = f"{target}\0{function}".encode("utf-8", "surrogateescape")
    return len(text).to_bytes(2, "little") + text


def split_target(body: "Union[bytes, bytearray]") -> "Tuple[bytes, Union[bytes, bytearray]]":
    """Split a CALL or SCRIPT body into its head and the encoded values."""
    end = 2 + int.from_bytes(body[:2], "little")
    return bytes(body[:end]), body[end:]


def unpack_target(head: bytes) -> "Tuple[str, str]":
    """The inverse of `pack_target`."""
    target, _, function = head[2:].decode("utf-8", "surrogateescape").partition("\0")
    return target, function
