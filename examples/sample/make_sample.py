"""Makes the bundled sample: a small crawl of invented pages in which all that can happen happens.

    python examples/sample/make_sample.py [--output FOLDER]

It writes `sample.warc.gz`, and `PLANTED.json`, which says of every capture what was planted and what
is to become of it in `examples/sample.yaml`. Nothing depends on the time or on chance: each run
writes the same bytes. Needs warcio (`pip install 'winnow[test]'`).
"""

import argparse
import json
from pathlib import Path

from archive import write
from captures import all_captures, counts

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes winnow's bundled sample.")
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write to (default: %(default)s)")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    captures = all_captures()
    archive = write(captures)
    planted = {
        "file": "sample.warc.gz",
        "records": dict(sorted(archive.records.items())),
        "captures": [
            {
                "offset": offset,
                "record": name,
                "url": one.url,
                "kind": one.kind,
                "page": one.page,
                "group": one.group,
                "fate": one.fate,
                "by": one.by,
            }
            for one, offset, name in zip(captures, archive.offsets, archive.ids, strict=True)
        ],
    }
    (output / "sample.warc.gz").write_bytes(archive.data)
    text = json.dumps(planted, indent=1, ensure_ascii=False) + "\n"
    (output / "PLANTED.json").write_text(text, encoding="utf-8")
    print(f"{'planted':<18}{'fate':<10}{'by':<30}{'captures':>8}")
    for (kind, fate, by), count in counts(captures).items():
        print(f"{kind:<18}{fate:<10}{by:<30}{count:>8}")
    print(f"{len(captures)} captures, {sum(archive.records.values())} records, {len(archive.data):,} bytes")


if __name__ == "__main__":
    main()
