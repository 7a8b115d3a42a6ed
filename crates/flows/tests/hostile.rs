//! No source makes this crate panic, overflow the stack or run for long.

use std::{fs, path::Path};

use flows::Project;
use proptest::prelude::*;

/// Ask for a flow `f` and for all flows in a project of one file.
fn survive(source: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("source.py"), source).expect("the file is written");
    let project = Project::new(folder.path());
    let flow = project.flow("source.py:f");
    if let Ok(flow) = flow {
        let schema = &flow.schema;
        assert!(schema["properties"].is_object(), "{schema}");
    }
    project.find();
}

/// Like [`survive`], on a stack as small as a thread's may be.
fn survive_on_a_small_stack(source: String) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || survive(&source));
    thread.expect("the thread starts").join().expect("it ends in peace");
}

const HEAD: &str = "from prefect import flow\nfrom typing import *\nfrom pydantic import BaseModel, Field\n";

#[test]
fn deep_source_does_not_overflow_the_stack() {
    for depth in [50, 190, 1_500, 100_000] {
        let nested =
            |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
        let operators = vec!["1"; depth].join(" + ");
        for expression in [
            nested("(", "1", ")"),
            nested("[", "1", "]"),
            nested("{1: ", "1", "}"),
            nested("-", "1", ""),
            nested("not ", "1", ""),
            nested("f(", "1", ")"),
            nested("lambda: ", "1", ""),
            nested("1 if 1 else ", "1", ""),
            nested("x[", "1", "]"),
            format!("x{}", ".a".repeat(depth)),
            format!("x{}", "()".repeat(depth)),
            operators.clone(),
            operators.replace('+', "|"),
            operators.replace('+', "and"),
            operators.replace('+', "<"),
            operators.replace('+', "**"),
            nested("await ", "1", ""),
            nested("f\"{", "1", "}\""),
        ] {
            survive_on_a_small_stack(format!("{HEAD}X = {expression}\n@flow\ndef f(a: int = X): pass\n"));
            survive_on_a_small_stack(format!("{HEAD}@flow\ndef f(a: ({expression}) = 1): pass\n"));
        }
        let types = format!("{}int{}", "List[".repeat(depth), "]".repeat(depth));
        survive_on_a_small_stack(format!("{HEAD}@flow\ndef f(a: {types}): pass\n"));
        survive_on_a_small_stack(format!("{HEAD}@flow\ndef f(a: '{types}'): pass\n"));
    }
}

#[test]
fn deep_blocks_do_not_overflow_the_stack() {
    for depth in [50, 99, 1_500] {
        for word in ["if x:", "class A:", "def g():", "try:", "for x in y:", "with x:", "while x:", "match x:"] {
            let lines = (0..depth).map(|level| format!("{}{word}\n", " ".repeat(level)));
            let source: String = lines.chain([format!("{}pass\n", " ".repeat(depth))]).collect();
            survive_on_a_small_stack(format!("{HEAD}{source}@flow\ndef f(a: int): pass\n"));
        }
    }
}

#[test]
fn names_that_go_in_circles_end() {
    for source in [
        "A = B\nB = A\n@flow\ndef f(a: A = B): pass\n",
        "A: 'A' = 1\n@flow\ndef f(a: A): pass\n",
        "class A(A): pass\n@flow\ndef f(a: A): pass\n",
        "class A('B'): pass\nclass B(A): pass\n@flow\ndef f(a: B): pass\n",
        "class A(BaseModel):\n x: 'List[A]'\n y: 'B'\nclass B(BaseModel):\n a: A\n b: 'Optional[B]'\n@flow\ndef f(a: A): pass\n",
        "type A = list[A]\n@flow\ndef f(a: A): pass\n",
        "type A = A\n@flow\ndef f(a: A): pass\n",
        "type A = B\ntype B = A\n@flow\ndef f(a: A): pass\n",
        "type A[T] = A[list[T]]\n@flow\ndef f(a: A[int]): pass\n",
        "class A[T](BaseModel):\n x: 'A[list[T]]'\n@flow\ndef f(a: A[int]): pass\n",
        "class A[T](BaseModel):\n x: 'A[A[T]]'\n@flow\ndef f(a: A[int]): pass\n",
        "T = TypeVar('T', bound='T')\n@flow\ndef f(a: T): pass\n",
        "N = NewType('N', 'N')\n@flow\ndef f(a: N): pass\n",
        "from source import *\nfrom source import f as g\nf = g\n",
        "from . import source\nf = source.f\n",
        "import source\nf = source.f\n",
        "def d(x): return d(x)\n@d\n@flow\ndef f(a: int): pass\n",
        "def c(): return c()\nX = c()\n@flow\ndef f(a: int = X): pass\n",
        "f = flow(f)\n",
        "f = f.with_options(name='x')\n",
        "class E(int, E): pass\n@flow\ndef f(a: E): pass\n",
        "class A(BaseModel):\n a: 'A' = Field(default_factory=lambda: A())\n@flow\ndef f(a: A = A()): pass\n",
        "class A(BaseModel):\n model_config = A.model_config\n@flow\ndef f(a: A): pass\n",
    ] {
        survive_on_a_small_stack(format!("{HEAD}{source}"));
    }
}

/// Without bounds this would take years.
#[test]
fn constants_that_grow_are_not_computed() {
    let doubled: String = (1..60).map(|i| format!("X{i} = [X{}, X{}]\n", i - 1, i - 1)).collect();
    let powers = "X = 10 ** 10 ** 10\nY = 'a' * 10 ** 12\nZ = [0] * 10 ** 9\nV = 1 << 10 ** 9\n";
    let texts: String = (1..60).map(|i| format!("X{i} = X{} + X{}\n", i - 1, i - 1)).collect();
    let unions: String = (1..40).map(|i| format!("X{i} = Union[X{}, Tuple[X{}, int]]\n", i - 1, i - 1)).collect();
    survive_on_a_small_stack(format!("{HEAD}X0 = 1\n{doubled}@flow\ndef f(a=X59): pass\n"));
    survive_on_a_small_stack(format!("{HEAD}{powers}@flow\ndef f(a=X, b=Y, c=Z, d=V): pass\n"));
    survive_on_a_small_stack(format!("{HEAD}X0 = 'ab'\n{texts}@flow\ndef f(a=X59): pass\n"));
    survive_on_a_small_stack(format!("{HEAD}X0 = int\n{unions}@flow\ndef f(a: X39): pass\n"));
}

#[test]
fn links_and_special_files_do_not_trap_the_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    fs::write(inner.join("flows.py"), format!("{HEAD}@flow\ndef f(): pass\n")).expect("a file");
    #[cfg(unix)]
    std::os::unix::fs::symlink(Path::new(".."), inner.join("loop")).expect("a link");
    for hidden in [".venv/lib/x.py", "node_modules/x.py", "env/lib/x.py", "lib/site-packages/x.py"] {
        let path = folder.path().join(hidden);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        fs::write(path, format!("{HEAD}@flow\ndef hidden(): pass\n")).expect("a file");
    }
    let found: Vec<String> = Project::new(folder.path()).find().into_iter().map(|found| found.entrypoint).collect();
    assert_eq!(found, ["inner/flows.py:f"]);
}

/// Pieces of Python that mean something to this crate.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "@flow\n",
        "def f(a: int = 1, *args, b: str = X, **kw): pass\n",
        "class M(BaseModel):\n",
        "    x: ",
        "int",
        "Optional[",
        "]",
        "List[\"M\"]",
        " = ",
        "Field(default=",
        ")",
        "1",
        "\"text\"",
        "X",
        "\n",
        "    ",
        "type A = ",
        "Union[",
        ", ",
        "Literal[",
        "lambda: ",
        "from . import ",
        "import ",
        "source",
        ".",
        "(",
        "[",
        "{",
        "}",
        ":",
        "f\"{X}\"",
        "if True:\n",
        "try:\n",
        "except: pass\n",
        "async ",
        "def f(",
        "=",
        "|",
        "None",
        "Annotated[",
        "...",
        "**",
        "*",
        "-",
        "@dataclass\n",
        "class E(Enum):\n",
        "    A = auto()\n",
        "\t",
        "\\\n",
        "#",
        "'''",
        "é",
        "\u{0}",
        "\r",
        "#coding: latin-1\n",
    ];
    prop_oneof![
        8 => prop::sample::select(words.map(str::to_owned).to_vec()),
        1 => "\\PC{0,6}",
        1 => any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_source_is_survived(pieces in prop::collection::vec(piece(), 0..60), head in any::<bool>()) {
        let source = pieces.concat();
        survive(&if head { format!("{HEAD}{source}") } else { source });
    }

    #[test]
    fn any_default_is_survived(pieces in prop::collection::vec(piece(), 0..12)) {
        let pieces = pieces.concat().replace('\n', " ");
        survive(&format!("{HEAD}@flow\ndef f(a: ({pieces}) = ({pieces})): pass\n"));
        survive(&format!("{HEAD}class M(BaseModel):\n    x: ({pieces}) = ({pieces})\n@flow\ndef f(a: M): pass\n"));
    }

    #[test]
    fn any_docstring_is_survived(text in "([A-Za-z:*`() \t\n-]|Args:\n|Returns:\n|    |é){0,60}") {
        let text = text.replace(['\\', '"'], "");
        survive(&format!("{HEAD}@flow\ndef f(a: int):\n    \"\"\"{text}\"\"\"\n"));
    }

    #[test]
    fn any_entrypoint_is_survived(entrypoint in "\\PC{0,20}|[a-z./:\\\\]{0,12}") {
        let _ = Project::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/projects/errors")).flow(&entrypoint);
    }
}
