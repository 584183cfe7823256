r"""What commands and environments mean in running text: tables for the Markdown writer.

Arguments are written as kinds, in order: `m` a group or token, `o` any number of options, `*` a star.
A command that is in no table loses its name and its options, and its groups are read on as text.
"""

from pipeline.sources.latex.modes import MATH


def _words(text: str) -> list[str]:
    return text.split()


# Commands that go with these arguments; what follows is text.
_BY_KINDS = {
    "": """centering raggedright raggedleft noindent indent maketitle tableofcontents listoffigures
        listoftables newpage clearpage cleardoublepage smallskip medskip bigskip vfill hfil null protect
        relax frontmatter mainmatter backmatter appendix appendices upshape normalfont rmfamily sffamily
        mdseries scriptsize footnotesize tiny small normalsize large Large LARGE huge Huge hline toprule
        midrule bottomrule endhead endfirsthead endfoot endlastfoot startdata enddata nodata
        phantomsection onecolumn twocolumn allowbreak sloppy fussy doublespacing singlespacing
        onehalfspacing balance selectfont boldmath unboldmath bgroup egroup begingroup endgroup left
        right big Big bigg Bigg hss vss leavevmode strut xspace makeatletter makeatother qedhere
        displaystyle textstyle IEEEpeerreviewmaketitle FloatBarrier flushbottom raggedbottom limits
        nolimits ignorespaces unskip negthinspace break goodbreak noalign tablebreak cutinhead
        tableline newblock arraybackslash hdashline listofalgorithms nopagenumbers bye eject
        DontPrintSemicolon LinesNumbered bibsep singlespace""",
    "m": """label pagestyle thispagestyle pagenumbering bibliographystyle nocite pagecolor markright
        institute email date thanks tnotetext fntext titlerunning authorrunning ead corauth cortext
        hyphenation index glossary cline graphicspath tablewidth tablenum tablecolumns tabletypesize
        phantom hphantom vphantom inst correspondingauthor subjclass pacs keywords linespread includepdf
        orcid orcidlink altaffilmark usetikzlibrary tikzset pgfplotsset captionsetup lstset theoremstyle
        hypersetup urlstyle sisetup selectlanguage received revised accepted published submitjournal
        shorttitle shortauthors journal preprint collaborator setkeys collabid reportnum
        tablefontsize epsfig psfig plotone hypertarget hyperlink adjustbox input include tnote facility
        script variable DeclareGraphicsExtensions tablenotemark fontfamily fontseries fontshape
        newlength newsavebox ccsdesc symlabel enlargethispage Xhline lstinputlisting verbatiminput""",
    "mm": """setlength addtolength setcounter addtocounter markboth fontsize settowidth altaffiltext
        multicolumn addtocontents plottwo SetKwInOut SetKwInput renewcommand newcommand""",
    "mmm": "crefname Crefname definecolor addcontentsline specialrule",
    "om": """includegraphics textcolor color colorbox rowcolor cellcolor columncolor epsfbox includesvg
        rotatebox author title affil affiliation address usepackage todo missingfigure tikz parbox
        fancyhead fancyfoot cmidrule""",
    "o": "footnotemark makebox framebox linebreak pagebreak nopagebreak nolinebreak addlinespace",
    "*m": "vspace hspace",
}
DROPPED: dict[str, str] = {rf"\{name}": kinds for kinds, names in _BY_KINDS.items() for name in _words(names)}
DROPPED |= {
    r"\newcounter": "mo", r"\titleformat": "mmmmm", r"\multirow": "omom", r"\fcolorbox": "omm",
    r"\resizebox": "*mm", r"\scalebox": "mo", r"\raisebox": "moo", r"\rule": "omm", r"\newtheorem": "mom",
    r"\includegraphics": "*om", r"\graphicspath": "m", r"\restylefloat": "m", r"\floatstyle": "m",
}  # fmt: skip

# Commands that take a length or a number without braces: \vskip 5pt plus 1fil, \hsize=6in.
LENGTHS = frozenset(
    rf"\{name}"
    for name in _words("""vskip hskip kern vglue hglue baselineskip parskip parindent magnification hsize
    vsize tolerance hoffset voffset pageno textwidth textheight topmargin oddsidemargin evensidemargin
    penalty looseness abovedisplayskip belowdisplayskip lineskip overfullrule hangindent hangafter
    leftskip rightskip raise lower columnsep arraycolsep tabcolsep headline footline spaceskip mathsurround
    clubpenalty widowpenalty hfuzz vfuzz hbadness vbadness pretolerance emergencystretch itemsep parsep
    topsep partopsep unitlength floatsep textfloatsep intextsep jot headsep headheight footskip""")
)

# Signs that stand for text.
SIGNS: dict[str, str] = {
    r"\ldots": "…", r"\dots": "…", r"\textellipsis": "…", r"\S": "§", r"\P": "¶", r"\dag": "†",
    r"\ddag": "‡", r"\textdagger": "†", r"\copyright": "©", r"\textcopyright": "©", r"\pounds": "£",
    r"\textsterling": "£", r"\euro": "€", r"\texteuro": "€", r"\texttrademark": "™",
    r"\textregistered": "®", r"\textdegree": "°", r"\degree": "°", r"\textmu": "µ", r"\textbullet": "•",
    r"\textendash": "–", r"\textemdash": "—", r"\textquoteleft": "‘", r"\textquoteright": "’",
    r"\textquotedblleft": "“", r"\textquotedblright": "”", r"\textquotedbl": '"', r"\textless": "<",
    r"\textgreater": ">", r"\textbar": "|", r"\textbackslash": "\\", r"\textasciitilde": "~",
    r"\textasciicircum": "^", r"\textunderscore": "_", r"\textasteriskcentered": "*",
    r"\textperiodcentered": "·", r"\guillemotleft": "«", r"\guillemotright": "»", r"\og": "« ",
    r"\fg": " »", r"\lq": "‘", r"\rq": "’", r"\TeX": "TeX", r"\LaTeX": "LaTeX", r"\LaTeXe": "LaTeX2e",
    r"\BibTeX": "BibTeX", r"\ss": "ß", r"\SS": "SS", r"\o": "ø", r"\O": "Ø", r"\l": "ł", r"\L": "Ł",
    r"\aa": "å", r"\AA": "Å", r"\ae": "æ", r"\AE": "Æ", r"\oe": "œ", r"\OE": "Œ", r"\i": "ı", r"\j": "ȷ",
    r"\dh": "ð", r"\DH": "Ð", r"\th": "þ", r"\TH": "Þ", r"\dj": "đ", r"\DJ": "Đ", r"\ng": "ŋ",
    r"\slash": "/", r"\textquotesingle": "'", r"\quad": " ", r"\qquad": " ", r"\enspace": " ",
    r"\thinspace": " ", r"\hfill": " ", r"\space": " ", r"\newline": "\n", r"\tabularnewline": "\n",
    r"\textonehalf": "½", r"\texttimes": "×", r"\textpm": "±", r"\checkmark": "✓", r"\cmark": "✓",
    r"\xmark": "✗", r"\qed": "∎", r"\bullet": "•", r"\cdots": "…",
    r"\sep": ", ", r"\etal": "et al.", r"\and": ", ", r"\And": ", ", r"\AND": ", ", r"\ast": "*",
    "\\ ": " ", "\\\n": " ", "\\\t": " ", r"\,": " ", r"\;": " ", r"\:": " ", r"\>": " ", r"\!": "",
    r"\%": "%", r"\&": "&", r"\_": "_", r"\#": "#", r"\$": "$", r"\{": "{", r"\}": "}", r"\-": "",
    r"\/": "", r"\@": "", "\\\\": "\n", r"\|": "‖", "\\": "",
}  # fmt: skip

# Accents: the combining character that follows the letter.
ACCENTS: dict[str, str] = {
    r"\`": "\u0300", r"\'": "\u0301", r"\^": "\u0302", r"\~": "\u0303", r"\=": "\u0304", r"\u": "\u0306",
    r"\.": "\u0307", r'\"': "\u0308", r"\r": "\u030a", r"\H": "\u030b", r"\v": "\u030c", r"\d": "\u0323",
    r"\c": "\u0327", r"\k": "\u0328", r"\b": "\u0331",
}  # fmt: skip

BOLD = frozenset((r"\textbf", r"\bf", r"\bfseries", r"\strong"))
ITALIC = frozenset((r"\emph", r"\textit", r"\textsl", r"\it", r"\em", r"\sl", r"\itshape", r"\slshape"))
MONOSPACE = frozenset((r"\texttt", r"\code", r"\pkg"))
SWITCHES = frozenset(
    (r"\bf", r"\bfseries", r"\it", r"\em", r"\sl", r"\itshape", r"\slshape", r"\tt", r"\ttfamily")
)

CITES = frozenset(
    rf"\{name}"
    for name in _words("""cite citep citealp citealt citet citeauthor citeyear citeyearpar parencite textcite
    autocite footcite Cite Citet Citep Citealt Citealp citeasnoun shortcite onlinecite supercite fullcite
    citenum citeads citepads citetads citetalias citepalias citeN citeA citeNP cites possessivecite""")
)
CITES_IN_TEXT = frozenset(
    rf"\{name}"
    for name in _words("citet Citet textcite citealt citeauthor citeasnoun citeN onlinecite citeA")
)
REFERENCES = frozenset(
    rf"\{name}"
    for name in _words("""ref eqref cref Cref autoref vref Vref fref Fref secref figref tabref subref
    labelcref nameref hyperref Autoref cpageref pageref thmref lemref""")
)

LISTS = {
    **dict.fromkeys(
        ("itemize", "compactitem", "asparaitem", "inparaitem", "itemize*", "list", "trivlist"), "-"
    ),
    **dict.fromkeys(("enumerate", "compactenum", "asparaenum", "inparaenum", "enumerate*", "enumerati"), "1"),
    **dict.fromkeys(("description", "compactdesc", "basedescript", "labeling"), ":"),
}
TABLES = {
    **dict.fromkeys(("tabular", "supertabular", "xtabular", "longtable", "mpsupertabular", "tabulary"), "om"),
    **dict.fromkeys(("deluxetable", "deluxetable*", "longtable*"), "om"),
    **dict.fromkeys(("tabular*", "tabularx", "tabulary", "tabularx*", "xltabular", "tabularew"), "omom"),
    **dict.fromkeys(("tabu", "longtabu", "NiceTabular", "tblr", "longtblr"), "om"),
}
ALGORITHMS = frozenset(
    ("algorithm", "algorithm*", "algorithm2e", "algorithmic", "algorithm2e*", "algorithmic*")
)
FLOATS = frozenset(
    _words("""figure figure* table table* wrapfigure wraptable sidewaysfigure sidewaystable sidewaystable*
    SCfigure sidewaysfigure* algorithm algorithm* algorithm2e marginfigure margintable marginnote listing""")
)
GONE = frozenset(
    _words("""tikzpicture picture pspicture pspicture* asy asydef forest circuitikz axis pgfpicture overpic
    CCSXML filecontents filecontents* titlepage tikzcd comment acronym thenomenclature keyword
    keywords IEEEkeywords AMS MSCcodes keyword*""")
)
QUOTES = frozenset(("quote", "quotation", "displayquote", "verse", "blockquote"))
# Environments whose arguments are no text.
WITH_ARGUMENTS = {
    **dict.fromkeys(("minipage", "subfigure", "subtable", "subfigure*"), "om"),
    **dict.fromkeys(("wrapfigure", "wraptable"), "omom"),
    **dict.fromkeys(("multicols", "multicols*", "adjustbox", "adjustwidth*", "spacing", "adjustbox*"), "m"),
    **dict.fromkeys(
        ("turn", "rotate", "CJK*", "otherlanguage", "otherlanguage*", "tabbing*", "fontsize"), "m"
    ),
    **dict.fromkeys(("list", "adjustwidth", "CJK", "addmargin"), "mm"),
    **dict.fromkeys(
        ("scope", "threeparttable", "tablenotes", "algorithmic", "center", "figure", "table"), "o"
    ),
}
DISPLAYS = MATH - {"math"}
BARE = frozenset(
    ("equation", "equation*", "displaymath", "math", "dmath", "dmath*")
)  # only the formula is kept

THEOREMS = {
    name: name.capitalize()
    for name in _words("""theorem lemma proposition corollary definition remark example conjecture claim
    assumption axiom property question problem exercise notation observation fact note""")
} | {"thm": "Theorem", "lem": "Lemma", "prop": "Proposition", "cor": "Corollary", "defn": "Definition",
     "rem": "Remark", "ex": "Example", "rmk": "Remark", "conj": "Conjecture",
     "dfn": "Definition"}  # fmt: skip

# Commands of algorithms that begin a line, and the words that it begins with.
LINES = {
    rf"\{spelling}": word
    for name, word in {
        "State": "", "Statex": "", "If": "if ", "ElsIf": "else if ", "Else": "else ", "EndIf": "end if",
        "For": "for ", "ForAll": "for all ", "EndFor": "end for", "While": "while ", "EndWhile": "end while",
        "Repeat": "repeat ", "Until": "until ", "Return": "return ", "Require": "Require: ",
        "Ensure": "Ensure: ", "Loop": "loop ", "EndLoop": "end loop", "Function": "function ",
        "EndFunction": "end function", "Procedure": "procedure ", "EndProcedure": "end procedure",
        "Input": "Input: ", "Output": "Output: ", "ElseIf": "else if ", "uIf": "if ", "eIf": "if ",
        "KwIn": "Input: ", "KwOut": "Output: ", "KwData": "Data: ", "KwResult": "Result: ",
        "KwRet": "return ", "uElseIf": "else if ", "uElse": "else ", "Begin": "begin",
        "Print": "print ", "ForEach": "for each ",
    }.items()
    for spelling in (name, name.upper())
} | {r"\lForEach": "for each ", r"\lWhile": "while ", r"\lIf": "if ",
     r"\lFor": "for ", r"\lElse": "else ", r"\lElseIf": "else if "}  # fmt: skip

KINDS = {"section": "Section", "subsection": "Section", "subsubsection": "Section", "chapter": "Chapter",
         "appendix": "Appendix", "figure": "Figure", "table": "Table", "algorithm": "Algorithm",
         "equation": "Equation", "item": "Item"}  # fmt: skip
