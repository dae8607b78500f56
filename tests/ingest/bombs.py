"""Files made to do harm, each a few kilobytes to a few megabytes of our own making."""

import io
import struct
import zipfile
import zlib

CONTENT_TYPES = "[Content_Types].xml"
_TYPES = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE w:document [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + f']><w:document xmlns:w="{_W}"><w:body><w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:body></w:document>'
)
XXE = (
    '<?xml version="1.0"?><!DOCTYPE w:document [<!ENTITY x SYSTEM "file://{path}">]>'
    f'<w:document xmlns:w="{_W}"><w:body><w:p><w:r><w:t>&x;</w:t></w:r></w:p></w:body></w:document>'
)


def office(parts: dict[str, bytes], stored: bool = False) -> bytes:
    """An Office archive of these parts and the one that all have."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, data in {CONTENT_TYPES: _TYPES, **parts}.items():
            archive.writestr(name, data)
    return out.getvalue()


def word_of(xml: str, encoding: str = "utf-8") -> bytes:
    return office({"word/document.xml": xml.encode(encoding)})


def huge_entry(claimed: int) -> bytes:
    """A document whose text says in the directory that it is `claimed` bytes long, which are all zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(CONTENT_TYPES, _TYPES)
        with archive.open("word/document.xml", "w", force_zip64=True) as entry:
            for _ in range(claimed >> 20):
                entry.write(bytes(1 << 20))
    return out.getvalue()


def many_entries(count: int) -> bytes:
    return office({f"word/{number}.bin": b"x" for number in range(count)}, stored=True)


def nested(depth: int) -> bytes:
    """Archives within archives, sixteen on each level, with zeros at the end."""
    inner = office({"zeros": bytes(10 << 20)})
    for level in range(depth):
        inner = office({f"{level}-{number}.zip": inner for number in range(16)})
    return inner


def overlapping(entries: int = 200) -> bytes:
    """Entries of the directory that all point at the same compressed bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = bytes(1 << 20)
    packed = packer.compress(plain) + packer.flush()
    checksum = zlib.crc32(plain)
    name = b"word/000.xml"
    sizes = (checksum, len(packed), len(plain), len(name))
    local = b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, *sizes, 0) + name + packed
    directory = b""
    for number in range(entries):
        entry = b"word/%03d.xml" % number
        fields = struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 33, *sizes[:3], len(entry), 0, 0, 0, 0, 0, 0)
        directory += b"PK\x01\x02" + fields + entry
    end = struct.pack("<HHHHIIH", 0, 0, entries, entries, len(directory), len(local), 0)
    return local + directory + b"PK\x05\x06" + end


def pdf(objects: dict[int, bytes], root: int = 1, trailer: bytes = b"") -> bytes:
    """A PDF of these numbered objects with a sound table of where they are."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = {}
    for number, body in objects.items():
        places[number] = out.tell()
        out.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 1\n0000000000 65535 f \n")
    for number, place in places.items():
        out.write(b"%d 1\n%010d 00000 n \n" % (number, place))
    size = max(objects) + 1
    out.write(b"trailer\n<< /Size %d /Root %d 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, root, trailer, start))
    return out.getvalue()


def stream(data: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n" % (len(data), extra) + data + b"\nendstream"


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def page(contents: bytes = b"4 0 R") -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents " + contents
        + b" /Resources << /Font << /F1 5 0 R >> >> >>"
    )  # fmt: skip


def one_page_pdf(content: bytes, extra: bytes = b"") -> bytes:
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    return pdf({1: CATALOGUE, 2: pages, 3: page(), 4: stream(content, extra), 5: FONT})


def flate_bomb(megabytes: int) -> bytes:
    """A page whose instructions are packed twice and expand to `megabytes` of drawing."""
    packer = zlib.compressobj(9)
    step = b"0 0 m 1 1 l S\n" * (1 << 16)
    packed = b"".join(packer.compress(step) for _ in range((megabytes << 20) // len(step))) + packer.flush()
    return one_page_pdf(zlib.compress(packed, 9), b"/Filter [/FlateDecode /FlateDecode]")


def many_pages(count: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(10, 10 + count))
    pages = b"<< /Type /Pages /Kids [" + kids + b"] /Count %d >>" % count
    text = stream(b"BT /F1 12 Tf 72 720 Td (page) Tj ET")
    return pdf({1: CATALOGUE, 2: pages, 4: text, 5: FONT, **{n: page() for n in range(10, 10 + count)}})


def endless_pages() -> bytes:
    """A tree of pages that is its own branch."""
    pages = b"<< /Type /Pages /Kids [2 0 R 2 0 R 3 0 R] /Count 100000 >>"
    return pdf({1: CATALOGUE, 2: pages, 3: page(), 4: b"4 0 R", 5: FONT})


def endless_form() -> bytes:
    """A drawing that contains itself."""
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>"
    content = page().replace(b"/Font <<", b"/XObject << /X 6 0 R >> /Font <<")
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    drawing = stream(b"/X Do /X Do /X Do", form)
    return pdf({1: CATALOGUE, 2: pages, 3: content, 4: stream(b"/X Do"), 5: FONT, 6: drawing})


def deep_pdf(depth: int) -> bytes:
    return one_page_pdf(b"BT /F1 12 Tf (x) Tj ET " + b"[" * depth + b"]" * depth + b" TJ")
