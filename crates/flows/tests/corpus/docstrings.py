from prefect import flow


@flow
def google(path: str, limit: int = 10):
    """Load a file.

    Args:
        path: where the file lies
        limit (int): how many rows to read,
            spread over two lines of text
    Returns:
        nothing
    """


@flow
def numpy(path: str, limit: int = 10):
    """
    Load a file the other way.

    Parameters
    ----------
    path : str
        where the file lies
    limit : int, optional
        how many rows
    """


@flow
def sphinx(path: str, limit: int = 10):
    """Load a third way.

    :param path: where the file lies
    :type path: str
    :param limit: how many rows
    :returns: nothing
    """


@flow
def one_line(n: int = 1):
    "One line only."


@flow
def args_first(a: int, b: int):
    """Args:
        a: first
        b: second
    """


@flow
def spellings(a: int, b: int, c: int):
    """Spellings.

    Parameters:
        a: from Parameters
    Arguments:
        b: from Arguments

    Params:
        c: from Params
    """


@flow
def no_blank_above(a: int):
    """No blank line above.
    Args:
        a: is not seen
    """


@flow
def blank_below(a: int):
    """Blank line below.

    Args:

        a: is not seen
    """


@flow
def types(a: int, b: str, c: list, d: dict, e: int):
    """Types.

    Args:
        a (int, optional): with optional
        b (str): plain type
        c (list[int]): generic
        d(dict): no space
        e : a space before the colon
    """


@flow
def continuation(a: int, b: int, c: int):
    """Continuation lines.

    Args:
        a: first line
            second line
              third line, deeper

            after a blank line
        b:
            begins on the next line
        c: one: with: colons
         odd indentation
    """


@flow
def code_block(a: int):
    """Code.

    ```
    Args:
        a: in a code block
    ```

    Args:
        a: after the block
    """


@flow
def stars(*args: int, **kwargs: str):
    """Stars.

    Args:
        *args: numbers
        **kwargs: texts
    """


@flow
def stars_bare(*args: int, **kwargs: str):
    """Stars.

    Args:
        args: numbers
        kwargs: texts
    """


@flow
def after_raises(a: int, b: int):
    """Others.

    Raises:
        ValueError: never
    Returns:
        something: else

    Note:
        A note.

    Args:
        a: one
        b: two

    Example:
        >>> x
    """


@flow
def two_sections(a: int, b: int):
    """Two sections.

    Args:
        a: one

    Args:
        b: two
    """


@flow
def titled(a: int):
    """Titled.

    Args: the arguments
        a: with a title
    """


@flow
def upper(a: int):
    """Upper case.

    ARGS:
        a: shouting
    """


@flow
def keyword_args(a: int, b: int = 1):
    """Keyword arguments.

    Args:
        a: one

    Keyword Args:
        b: two
    """


@flow
def unknown_names(a: int):
    """Names that do not exist.

    Args:
        z: unknown
        a: known
        no colon here
    """


@flow
def tabs(a: int, b: int):
    """Tabs.

	Args:
		a: one
		b: two
    """


@flow
def empty_description(a: int, b: int):
    """Empty.

    Args:
        a:
        b: two
    """


@flow
def empty_doc(a: int):
    """"""


@flow
def blank_doc(a: int):
    """   """


@flow
def raw(a: int):
    r"""Raw \d text.

    Args:
        a: matches \d+
    """


@flow
def first_line_below(a: int):
    """
    Begins below.

        Indented more.

    Args:
        a: value
    """


@flow
def trailing_spaces(a: int):
    """Trailing.   

    Args:   
        a: value   
    """


@flow
def unicode(a: int):
    """Größe – ☃.

    Args:
        a: naïve 🎉
    """


@flow
def concatenated(a: int):
    "Two " "parts"


@flow
def formatted(a: int):
    f"An f-string is no docstring"


@flow
def blank_between(a: int, b: int):
    """Blank lines between.

    Args:
        a: one

        b: two


        c: three
    Text after.
    """


@flow
def two_spaces(a: int, b: int):
    """Two spaces.

    Args:
      a: one
        more
      b: two
    """


@flow
def admonition_between(a: int):
    """Text.

    Warning: this is text
        and more

    Args:
        a: value
    """


@flow
def list_in_description(a: str):
    """List.

    Args:
        a: one of
            - x: first
            - y: second
    """


@flow
def section_after_text(a: int):
    """Text directly followed by.

    Some text:
        Args:
            a: nested deeper
    """


@flow
def shared(a: int, b: int):
    """Shared.

    Args:
        a, b: both
    """


@flow
def crlf_free(a: int):
    """Ends without newline.

    Args:
        a: last"""


@flow
def attributes(a: int):
    """Attributes section first.

    Attributes:
        a: not a parameter
    """
