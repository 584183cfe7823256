"""The same pass again under another name, for runs that cut twice."""

from made_cut import cutting  # type: ignore[import-not-found]  # its folder is put on the path

PASS = cutting("made_cut_more")
