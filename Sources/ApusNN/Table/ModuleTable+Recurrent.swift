import ApusCore

extension ModuleTable {
    static let recurrent: [Entry] = [
        Entry("RNN") { (a: inout Arguments) -> RNN in
            let (inputs, hidden, layers) = try a.recurrentSizes()
            let nonlinearity = try a.choice("nonlinearity", RecurrentNonlinearity.tanh)
            let o = try a.recurrentOptions()
            let (device, dtype) = try a.deviceAndDType()
            return RNN(inputs, hidden, numLayers: layers, nonlinearity: nonlinearity, bias: o.bias, batchFirst: o.batchFirst, dropout: o.dropout,
                       bidirectional: o.bidirectional, device: device, dtype: dtype)
        } call: { module, a in
            let (x, hx) = (try a.tensor("input"), try a.optionalTensor("hx"))
            try a.finish()
            let (output, hidden) = module(x, hx)
            return .list([.tensor(output), .tensor(hidden)])
        },
        Entry("LSTM") { (a: inout Arguments) -> LSTM in
            let ((inputs, hidden, layers), o) = (try a.recurrentSizes(), try a.recurrentOptions())
            let projection = try a.int("proj_size", 0)
            let (device, dtype) = try a.deviceAndDType()
            return LSTM(inputs, hidden, numLayers: layers, bias: o.bias, batchFirst: o.batchFirst, dropout: o.dropout, bidirectional: o.bidirectional,
                        projSize: projection, device: device, dtype: dtype)
        } call: { module, a in
            let (x, hx) = (try a.tensor("input"), try a.statePair())
            try a.finish()
            let (output, state) = module(x, hx)
            return .list([.tensor(output), .list([.tensor(state.h), .tensor(state.c)])])
        },
        Entry("GRU") { (a: inout Arguments) -> GRU in
            let ((inputs, hidden, layers), o) = (try a.recurrentSizes(), try a.recurrentOptions())
            let (device, dtype) = try a.deviceAndDType()
            return GRU(inputs, hidden, numLayers: layers, bias: o.bias, batchFirst: o.batchFirst, dropout: o.dropout, bidirectional: o.bidirectional,
                       device: device, dtype: dtype)
        } call: { module, a in
            let (x, hx) = (try a.tensor("input"), try a.optionalTensor("hx"))
            try a.finish()
            let (output, hidden) = module(x, hx)
            return .list([.tensor(output), .tensor(hidden)])
        },
        Entry("RNNCell") { (a: inout Arguments) -> RNNCell in
            let (inputs, hidden, bias) = (try a.int("input_size"), try a.int("hidden_size"), try a.bool("bias", true))
            let nonlinearity = try a.choice("nonlinearity", RecurrentNonlinearity.tanh)
            let (device, dtype) = try a.deviceAndDType()
            return RNNCell(inputs, hidden, bias: bias, nonlinearity: nonlinearity, device: device, dtype: dtype)
        } call: { module, a in
            let (x, hx) = (try a.tensor("input"), try a.optionalTensor("hx"))
            try a.finish()
            return .tensor(module(x, hx))
        },
        Entry("LSTMCell") { (a: inout Arguments) -> LSTMCell in
            let (inputs, hidden, bias) = (try a.int("input_size"), try a.int("hidden_size"), try a.bool("bias", true))
            let (device, dtype) = try a.deviceAndDType()
            return LSTMCell(inputs, hidden, bias: bias, device: device, dtype: dtype)
        } call: { module, a in
            let (x, hx) = (try a.tensor("input"), try a.statePair())
            try a.finish()
            let (h, c) = module(x, hx)
            return .list([.tensor(h), .tensor(c)])
        },
        Entry("GRUCell") { (a: inout Arguments) -> GRUCell in
            let (inputs, hidden, bias) = (try a.int("input_size"), try a.int("hidden_size"), try a.bool("bias", true))
            let (device, dtype) = try a.deviceAndDType()
            return GRUCell(inputs, hidden, bias: bias, device: device, dtype: dtype)
        } call: { module, a in
            let (x, hx) = (try a.tensor("input"), try a.optionalTensor("hx"))
            try a.finish()
            return .tensor(module(x, hx))
        },
    ]
}

extension Arguments {
    /// Sizes, and a number of layers that is made at once.
    fileprivate mutating func recurrentSizes() throws -> (inputs: Int, hidden: Int, layers: Int) {
        let (inputs, hidden, layers) = (try int("input_size"), try int("hidden_size"), try int("num_layers", 1))
        guard layers <= 1000 else { throw wrong("num_layers", .int(layers), "at most 1000") }
        return (inputs, hidden, layers)
    }

    fileprivate mutating func recurrentOptions() throws -> (bias: Bool, batchFirst: Bool, dropout: Double, bidirectional: Bool) {
        let (bias, batchFirst) = (try bool("bias", true), try bool("batch_first", false))
        return (bias, batchFirst, try double("dropout", 0), try bool("bidirectional", false))
    }

    /// Hidden and cell state of an LSTM, nil where they are left out.
    fileprivate mutating func statePair() throws -> (h: Tensor, c: Tensor)? {
        try readOptional("hx", "a list of two tensors") { (value: Argument) -> (h: Tensor, c: Tensor)? in
            guard let list = value.list, list.count == 2, let h = list[0].tensor, let c = list[1].tensor else { return nil }
            return (h, c)
        }
    }
}
