/// What a name in a pickle means to the reader. Nothing is ever called, whatever the name; but a file of weights that names what runs programs
/// is an attack or a mistake, and whoever opens it should hear of it.
enum PickleNames {
    /// Modules of Python's library that run programs or code, talk to the network, or get at other modules.
    private static let refusedModules: Set<String> = [
        "os", "posix", "nt", "subprocess", "_posixsubprocess", "sys", "shutil", "socket", "_socket", "ssl", "runpy", "importlib", "imp",
        "ctypes",
        "_ctypes", "pty", "code", "codeop", "commands", "popen2", "webbrowser", "asyncio", "multiprocessing", "signal", "pickle", "_pickle",
        "cPickle", "marshal", "_thread", "bdb", "pdb", "profile", "cProfile", "timeit", "trace", "pydoc", "doctest", "venv", "ensurepip",
        "pip",
        "setuptools", "distutils", "http", "httplib", "urllib", "urllib2", "requests", "aiohttp", "httpx", "ftplib", "smtplib", "telnetlib",
        "xmlrpc",
        "paramiko", "zipimport", "pkgutil", "atexit", "mmap", "fcntl", "cffi", "sqlite3", "site", "concurrent", "idlelib", "antigravity",
    ]

    /// The names of Python's own module that run code, open files, or look names up.
    private static let refusedBuiltins: Set<String> = [
        "eval", "exec", "execfile", "compile", "open", "file", "__import__", "globals", "locals", "vars", "input", "raw_input",
        "breakpoint",
        "setattr", "delattr", "apply", "reload", "help", "exit", "quit", "__build_class__", "__loader__", "memoryview", "dir", "hasattr",
        "map",
        "filter", "reduce", "callable",
    ]
    /// The names of Python's own module that make data.
    private static let dataOfBuiltins: Set<String> = [
        "set", "frozenset", "bytearray", "bytes", "complex", "dict", "list", "tuple", "int", "float", "bool", "str", "object", "slice",
        "range",
        "type", "NoneType", "ellipsis", "Ellipsis", "long", "unicode", "xrange", "getattr",
    ]

    private static let refusedNames: Set<String> = [
        "types.FunctionType", "types.LambdaType", "types.CodeType", "io.FileIO", "_io.FileIO", "io.open", "_io.open", "io.open_code",
        "_io.open_code", "threading.Thread", "torch._utils._import_dotted_name", "operator.methodcaller", "operator.attrgetter",
        "_operator.methodcaller",
        "_operator.attrgetter",
    ]

    /// Names of small letters that pickles of data make objects of; others of small letters are functions.
    private static let makesData: Set<String> = [
        "collections.deque", "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone",
        "array.array",
        "functools.partial", "logging.getLogger", "operator.getitem", "_operator.getitem", "operator.itemgetter", "_operator.itemgetter",
        "itertools.count", "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar", "torch.dtype", "torch.layout", "torch.memory_format", "ipaddress.ip_address",
    ]

    /// Python 2's names of modules, in Python 3's spelling.
    static func modern(module: String) -> String {
        switch module {
        case "__builtin__": "builtins"
        case "copy_reg": "copyreg"
        default: module
        }
    }

    /// Whether a name alone is reason to refuse the file.
    static func isRefused(module: String, name: String) -> Bool {
        let modules = module.split(separator: ".").map(String.init)
        // A path of names (`a.os.system`) reaches what a module has imported.
        let reached = modules.dropFirst() + name.split(separator: ".").dropLast().map(String.init)
        return refusedModules.contains(modules.first ?? "")
            || reached.contains { ["os", "sys", "subprocess", "builtins", "__builtins__", "ctypes"].contains($0) }
            || refusedNames.contains("\(module).\(name)") || module == "builtins" && refusedBuiltins.contains(name)
    }

    /// Whether a name begins with a small letter, as those of functions and modules do.
    static func isSmall(_ name: String) -> Bool { name.split(separator: ".").last?.unicodeScalars.first?.properties.isLowercase ?? false }

    /// Whether a pickle that calls this name would call a function other than those by which objects are rebuilt. Python's convention tells
    /// them apart: classes begin with a capital, and what pickles alone call begins with an underscore.
    static func isFunction(module: String, name: String) -> Bool {
        guard isSmall(name) else { return false }
        if module == "builtins" { return !dataOfBuiltins.contains(name) }
        // NumPy's scalars: float64, str_.
        if module == "numpy", name.last == "_" || name.last!.isNumber { return false }
        return !makesData.contains("\(module).\(name)")
    }
}
