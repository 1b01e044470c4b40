/// What a name in a pickle means to the reader. Nothing is ever called; but a file of weights that names functions that run programs is an
/// attack or a mistake, so it is refused with an error.
enum PickleNames {
    /// Modules of Python's standard library that run programs or code, access the network, or give access to other modules.
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

    /// Names in `builtins` that run code, open files, or look up names.
    private static let refusedBuiltins: Set<String> = [
        "eval", "exec", "execfile", "compile", "open", "file", "__import__", "globals", "locals", "vars", "input", "raw_input",
        "breakpoint",
        "setattr", "delattr", "apply", "reload", "help", "exit", "quit", "__build_class__", "__loader__", "memoryview", "dir", "hasattr",
        "map",
        "filter", "reduce", "callable",
    ]
    /// Names in `builtins` that create data.
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

    /// Lower-case names that create objects in pickles of data; all other lower-case names are functions.
    private static let makesData: Set<String> = [
        "collections.deque", "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone",
        "array.array",
        "functools.partial", "logging.getLogger", "operator.getitem", "_operator.getitem", "operator.itemgetter", "_operator.itemgetter",
        "itertools.count", "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar", "torch.dtype", "torch.layout", "torch.memory_format", "ipaddress.ip_address",
    ]

    /// Maps Python 2's module names to Python 3's.
    static func modern(module: String) -> String {
        switch module {
        case "__builtin__": "builtins"
        case "copy_reg": "copyreg"
        default: module
        }
    }

    /// Whether this name alone is a reason to refuse the file.
    static func isRefused(module: String, name: String) -> Bool {
        let modules = module.split(separator: ".").map(String.init)
        // A dotted path (`a.os.system`) reaches modules that a module has imported.
        let reached = modules.dropFirst() + name.split(separator: ".").dropLast().map(String.init)
        return refusedModules.contains(modules.first ?? "")
            || reached.contains { ["os", "sys", "subprocess", "builtins", "__builtins__", "ctypes"].contains($0) }
            || refusedNames.contains("\(module).\(name)") || module == "builtins" && refusedBuiltins.contains(name)
    }

    /// Whether a name begins with a lower-case letter, as those of functions and modules do.
    static func isSmall(_ name: String) -> Bool { name.split(separator: ".").last?.unicodeScalars.first?.properties.isLowercase ?? false }

    /// Whether a pickle that calls this name would call a function that does not just rebuild an object. Python's naming convention tells
    /// them apart: classes begin with a capital letter, and functions that exist only for pickles with an underscore.
    static func isFunction(module: String, name: String) -> Bool {
        guard isSmall(name) else { return false }
        if module == "builtins" { return !dataOfBuiltins.contains(name) }
        // NumPy's scalars: float64, str_.
        if module == "numpy", name.last == "_" || name.last!.isNumber { return false }
        return !makesData.contains("\(module).\(name)")
    }
}
