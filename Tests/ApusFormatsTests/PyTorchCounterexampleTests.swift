import ApusCore
import TestSupport
import Testing
@testable import ApusFormats

/// Files on which a reader of PyTorch's files goes wrong that knows the common ones: found by a search, each of a kind of its own.
@Suite struct PyTorchCounterexampleTests {
    private func open(_ name: String) throws -> PyTorchFile { try PyTorchFile(Interop.path("pt/found/\(name).pt")) }

    /// The names of the tensors, and what is left out.
    @Test(arguments: [
        // Arguments of tuples with names, of old modules, of tensors on devices, and NumPy's newest arrays.
        ("ntl", ["0.0", "0.1"], []), ("ntm", ["w", "batch.0"], []), ("L_v_pack", ["v.0", "v.1", "x"], []), ("old_param", ["w"], []),
        ("old_module", ["weight"], []), ("from_type_v1", ["w"], []), ("dev_from_cpu", ["w"], []), ("dev_from_numpy", ["w"], []),
        ("L_zip_p5", ["a", "np"], []),
        // Objects that hold themselves.
        ("L_omega", ["x"], []), ("L_selflist", ["w"], []),
        // One array or tensor that Apus has no type for, or whose name another has, does not take the others along.
        ("L_npx_U", ["x"], ["v"]), ("L_npx_O", ["x"], ["v"]), ("L_npx_st", ["x"], ["v"]), ("L_mixed_np_str", ["state_dict.w"], ["names"]),
        ("L_quant4", ["ok"], ["q"]), ("L_tuplekeys", ["a tuple of 2"], ["a tuple of 2"]), ("L_int_and_str", ["1"], ["1"]),
        ("L_easydict", ["e.x", "y"], []),
        // Without checksums, in the old layout by other protocols, with files of other kinds beside.
        ("L_crc_off", ["a"], []), ("L_leg_p1", ["a", "b", "np"], []), ("L_leg_p4", ["a", "b", "np"], []),
        ("L_leg_p5", ["a", "b", "np"], []),
        ("L_ep_named", ["weight", "bias"], []), ("L_ep_two", ["a.weight", "a.bias", "b.weight", "b.bias"], []),
        // Names that do no harm.
        ("L_v_opt", ["x"], []), ("L_v_bf", ["x"], []),
        // Offsets of empty tensors may be anything.
        ("legacy_off_overflow", ["w"], []), ("tar_overflow", ["w"], []),
    ]) func isRead(_ name: String, _ keys: [String], _ without: [String]) throws {
        let file = try open(name)
        #expect(try file.stateDict().keys == keys)
        #expect(try file.leftOut().map(\.key) == without)
    }

    @Test func valuesAreTheirs() throws {
        func values(_ name: String, _ key: String) throws -> [Float] { try open(name).stateDict()[key]!.array(Float.self) }
        // Two storages whose names differ by Unicode's composition alone.
        #expect(try values("nfc_keys_same", "a") == [1, 2, 3, 4] && values("nfc_keys_same", "b") == [9, 9, 9, 9])
        // The imaginary part of a conjugate has the other sign, which is in the metadata alone.
        #expect(try values("neg_meta", "a") == [-1, -2, -3, -4])
        #expect(try values("L_neg_view", "i") == values("L_neg_legacy", "i"))
        // The old layout has the lowest byte first, whatever machine wrote it.
        #expect(try values("legacy_big", "w") == [1, 2, 3, 4])
    }

    @Test(arguments: [
        ("odd_items", "SETITEM"), ("bool_second", "'b'"), ("tar_code", "posix.system"), ("tar_count", "storage '0'"),
        ("att_getattr", "torch.hub"),
        ("att_fileio", "_io.FileIO"), ("att_dotted", "_import_dotted_name"),
    ]) func isRefused(_ name: String, _ place: String) {
        let error = message { _ = try open(name).stateDict() }
        #expect(error.contains(place) && error.contains("\(name).pt"), "\(error)")
    }
}
