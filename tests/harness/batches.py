# SPDX-License-Identifier: MIT
"""Kafka record batches (v2) in plain Python: an independent second opinion on the bytes in a log.

batch header, big-endian: base_offset i64, length i32 (bytes after this field), leader_epoch i32,
magic i8 = 2, crc u32 (CRC-32C of everything after it), attributes i16, last_offset_delta i32,
base_timestamp i64, max_timestamp i64, producer_id i64, producer_epoch i16, base_sequence i32,
count i32; then the records with zigzag varints.
"""
import struct

HEADER = struct.Struct(">qiibIhiqqqhii")
assert HEADER.size == 61


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _varint(value):
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data, at):
    shift = value = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at


def encode(base_offset, values, timestamp_ms, keys=None, leader_epoch=0, headers=None):
    """One uncompressed batch; a value or key of None is Kafka's null. headers: for each record a
    list of (key, value) pairs."""
    body = bytearray()
    for i, value in enumerate(values):
        key = keys[i] if keys else None
        record = b"\0" + _varint(0) + _varint(i)
        for part in (key, value):
            record += _varint(-1) if part is None else _varint(len(part)) + part
        pairs = headers[i] if headers else []
        record += _varint(len(pairs))
        for name, text in pairs:
            record += _varint(len(name)) + name + _varint(len(text)) + text
        body += _varint(len(record)) + record
    tail = struct.pack(">hiqqqhii", 0, len(values) - 1, timestamp_ms, timestamp_ms, -1, -1, -1,
                       len(values)) + bytes(body)
    return struct.pack(">qiibI", base_offset, len(tail) + 9, leader_epoch, 2, crc32c(tail)) + tail


def walk(data, check_crc=True):
    """Yields (position, size, base_offset, values) of every whole, good batch from the start."""
    at = 0
    while at + HEADER.size <= len(data):
        fields = HEADER.unpack_from(data, at)
        base, length, magic, crc, count = fields[0], fields[1], fields[3], fields[4], fields[12]
        size = length + 12
        if magic != 2 or length < 49 or at + size > len(data):
            return
        if check_crc and crc32c(data[at + 21:at + size]) != crc:
            return
        values, pos = [], at + HEADER.size
        for _ in range(count):
            _, pos = _read_varint(data, pos)
            pos += 1
            _, pos = _read_varint(data, pos)
            _, pos = _read_varint(data, pos)
            key_len, pos = _read_varint(data, pos)
            pos += max(key_len, 0)
            value_len, pos = _read_varint(data, pos)
            values.append(None if value_len < 0 else bytes(data[pos:pos + value_len]))
            pos += max(value_len, 0)
            headers, pos = _read_varint(data, pos)
            for _ in range(2 * headers):
                length_, pos = _read_varint(data, pos)
                pos += max(length_, 0)
        yield at, size, base, values
        at += size


def last_segment(partition_dir):
    return sorted(partition_dir.glob("*.log"))[-1]


def append_values(partition_dir, values, timestamp_ms, break_crc=False, **more):
    """Adds a batch behind the last good one of a stopped server's partition, as if it had come
    in by another door. Returns its base offset. `more`: keys and headers of encode()."""
    path = last_segment(partition_dir)
    data = path.read_bytes()
    end, next_offset = 0, int(path.stem)
    for at, size, base, records in walk(data, check_crc=False):
        end, next_offset = at + size, base + len(records)
    batch = bytearray(encode(next_offset, values, timestamp_ms, **more))
    if break_crc:
        batch[-1] ^= 0x40
    with open(path, "r+b") as segment:
        segment.seek(end)
        segment.write(batch)
        segment.truncate()
    return next_offset


def murmur2(data):
    """The hash of Kafka's default partitioner."""
    mask, m, length = 0xFFFFFFFF, 0x5BD1E995, len(data)
    h = (0x9747B28C ^ length) & mask
    for i in range(0, length - length % 4, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = data[length - length % 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_for_key(key, count):
    return (murmur2(key) & 0x7FFFFFFF) % count
