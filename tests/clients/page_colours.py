#!/usr/bin/env python3
"""Counts the pixels of a screenshot that have about each of some colours.

usage: page_colours.py FILE.png COLOUR...

Prints the picture's width and height, and for each colour (rrggbb) how many
pixels have it and in which rectangle they are: left, top, right, bottom.
"""
import struct
import sys
import zlib


def rows(data):
    """Gives size and rows of an 8-bit RGB or RGBA picture that is not interlaced."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    position, packed = 8, b""
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colours in (2, 6) and interlaced == 0
        elif kind == b"IDAT":
            packed += body
        position += 12 + length
    size = 3 if colours == 2 else 4
    raw = zlib.decompress(packed)
    above = bytearray(width * size)
    for y in range(height):
        start = y * (width * size + 1)
        how, line = raw[start], bytearray(raw[start + 1 : start + 1 + width * size])
        for i in range(len(line)):
            left = line[i - size] if i >= size else 0
            up = above[i]
            corner = above[i - size] if i >= size else 0
            if how == 1:
                line[i] = (line[i] + left) & 255
            elif how == 2:
                line[i] = (line[i] + up) & 255
            elif how == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif how == 4:
                guess = left + up - corner
                far = (abs(guess - left), abs(guess - up), abs(guess - corner))
                near = left if far[0] <= far[1] and far[0] <= far[2] else up if far[1] <= far[2] else corner
                line[i] = (line[i] + near) & 255
        above = line
        yield width, height, y, [tuple(line[x : x + 3]) for x in range(0, len(line), size)]


def main():
    wanted = {text: tuple(bytes.fromhex(text)) for text in sys.argv[2:]}
    found = {text: [0, 10**9, 10**9, -1, -1] for text in wanted}
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    for width, height, y, line in rows(data):
        for x, pixel in enumerate(line):
            for text, colour in wanted.items():
                if all(abs(a - b) <= 6 for a, b in zip(pixel, colour)):
                    one = found[text]
                    one[0] += 1
                    one[1:] = min(one[1], x), min(one[2], y), max(one[3], x), max(one[4], y)
    print(width, height)
    for text, one in found.items():
        print(text, *one)


main()
