/// A record of an event file. Message `Event` of tensorflow/core/util/event.proto, as far as PyTorch's `SummaryWriter` writes it.
///
/// Reading and writing of each message are side by side; field numbers are those of its definition.
package struct TensorBoardEvent: Equatable {
    /// The contents of an event.
    package enum Content: Equatable {
        /// The first event of a file: `brain.Event:2`.
        case fileVersion(String)
        /// Values of tags at the event's step.
        case summary([SummaryValue])
        /// A graph, as the bytes of a `GraphDef`.
        case graph([UInt8])
        /// The status of a session; 1 hides what earlier files have for this step and later ones.
        case session(status: Int64)
        /// The number of an unknown field.
        case other(Int)
    }

    /// Seconds since 1970.
    package var wallTime: Double
    package var step: Int64 = 0
    package var content: Content?
    /// The program that has written the file; in its first event.
    package var writer: String?

    package init(wallTime: Double, step: Int64 = 0, _ content: Content?, writer: String? = nil) {
        (self.wallTime, self.step, self.content, self.writer) = (wallTime, step, content, writer)
    }

    package init(_ message: ByteRegion) throws(FormatError) {
        self.init(wallTime: 0, nil)
        try message.fields { field throws(FormatError) in
            switch field.number {
            case 1: wallTime = try field.double("wall_time")
            case 2: step = try field.integer("step")
            case 3: content = .fileVersion(try field.text("file_version"))
            case 4: content = .graph(Array(try field.bytes("graph_def").bytes))
            case 5:
                var values: [SummaryValue] = []
                // Several summaries are merged; `content` is cleared so that the array is not copied each time.
                if case .summary(let before) = content { (values, content) = (before, nil) }
                try field.fields("summary") { field throws(FormatError) in
                    if field.number == 1 { values.append(try SummaryValue(try field.bytes("value"))) }
                }
                content = .summary(values)
            case 7:
                var status: Int64 = 0
                try field.fields("session_log") { field throws(FormatError) in
                    if field.number == 1 { status = try field.integer("status") }
                }
                content = .session(status: status)
            case 10:
                try field.fields("source_metadata") { field throws(FormatError) in
                    if field.number == 1 { writer = try field.text("writer") }
                }
            default: content = .other(field.number)
            }
        }
    }

    package var encoded: [UInt8] {
        var message = ProtobufWriter()
        message.double(1, wallTime)
        if step != 0 { message.integer(2, step) }
        switch content {
        case .fileVersion(let version): message.text(3, version)
        case .graph(let graph): message.bytes(4, graph)
        case .summary(let values): message.message(5) { summary in for value in values { summary.message(1, value.write) } }
        case .session(let status): message.message(7) { $0.integer(1, status) }
        case .other, nil: break
        }
        if let writer { message.message(10) { $0.text(1, writer) } }
        return message.bytes
    }
}

/// A value of a tag. Message `Summary.Value` of tensorflow/core/framework/summary.proto.
package struct SummaryValue: Equatable {
    package enum Content: Equatable {
        case scalar(Float)
        case image(Image)
        case histogram(Histogram)
        case tensor(SummaryTensor)
        /// The number of an unknown field.
        case other(Int)
    }

    /// A picture. Message `Summary.Image`.
    package struct Image: Equatable {
        package var height: Int64 = 0
        package var width: Int64 = 0
        /// The number of channels.
        package var channels: Int64 = 0
        /// A PNG file.
        package var encoded: [UInt8] = []
    }

    package var tag: String
    package var content: Content?
    /// The TensorBoard plugin that shows the value; nil if its type determines it.
    package var plugin: String?
    /// Data for the plugin.
    package var pluginContent: [UInt8] = []

    package init(_ tag: String, _ content: Content?, plugin: String? = nil, pluginContent: [UInt8] = []) {
        (self.tag, self.content, self.plugin, self.pluginContent) = (tag, content, plugin, pluginContent)
    }

    init(_ message: ByteRegion) throws(FormatError) {
        self.init("", nil)
        try message.fields { field throws(FormatError) in
            switch field.number {
            case 1: tag = try field.text("tag")
            case 2: content = .scalar(try field.float("simple_value"))
            case 4: content = .image(try Image(try field.bytes("image")))
            case 5: content = .histogram(try Histogram(try field.bytes("histo")))
            case 8: content = .tensor(try SummaryTensor(try field.bytes("tensor")))
            case 9:
                try field.fields("metadata") { field throws(FormatError) in
                    guard field.number == 1 else { return }
                    try field.fields("plugin_data") { field throws(FormatError) in
                        switch field.number {
                        case 1: plugin = try field.text("plugin_name")
                        case 2: pluginContent = Array(try field.bytes("content").bytes)
                        default: break
                        }
                    }
                }
            default: content = .other(field.number)
            }
        }
    }

    func write(_ message: inout ProtobufWriter) {
        message.text(1, tag)
        switch content {
        case .scalar(let value): message.float(2, value)
        case .image(let image): message.message(4, image.write)
        case .histogram(let histogram): message.message(5, histogram.write)
        case .tensor(let tensor): message.message(8, tensor.write)
        case .other, nil: break
        }
        guard let plugin else { return }
        message.message(9) { metadata in
            metadata.message(1) { data in
                data.text(1, plugin)
                if !pluginContent.isEmpty { data.bytes(2, pluginContent) }
            }
        }
    }
}

extension SummaryValue.Image {
    init(_ message: ByteRegion) throws(FormatError) {
        try message.fields { field throws(FormatError) in
            switch field.number {
            case 1: height = try field.integer("height")
            case 2: width = try field.integer("width")
            case 3: channels = try field.integer("colorspace")
            case 4: encoded = Array(try field.bytes("encoded_image_string").bytes)
            default: break
            }
        }
    }

    func write(_ message: inout ProtobufWriter) {
        message.integer(1, height)
        message.integer(2, width)
        message.integer(3, channels)
        message.bytes(4, encoded)
    }
}

extension Histogram {
    init(_ message: ByteRegion) throws(FormatError) {
        self.init()
        try message.fields { field throws(FormatError) in
            switch field.number {
            case 1: minimum = try field.double("min")
            case 2: maximum = try field.double("max")
            case 3: count = try field.double("num")
            case 4: sum = try field.double("sum")
            case 5: sumOfSquares = try field.double("sum_squares")
            case 6: try field.add(to: &limits, "bucket_limit")
            case 7: try field.add(to: &counts, "bucket")
            default: break
            }
        }
    }

    func write(_ message: inout ProtobufWriter) {
        for (number, value) in [minimum, maximum, count, sum, sumOfSquares].enumerated() where value.bitPattern != 0 {
            message.double(number + 1, value)
        }
        message.doubles(6, limits)
        message.doubles(7, counts)
    }
}

/// A tensor of numbers or strings. Message `TensorProto` of tensorflow/core/framework/tensor.proto.
package struct SummaryTensor: Equatable {
    /// `DT_FLOAT` 1, `DT_DOUBLE` 2, `DT_STRING` 7.
    package var dtype: Int64 = 0
    /// nil if it is not written, as for a single number.
    package var shape: [Int64]?
    package var floats: [Float] = []
    package var doubles: [Double] = []
    package var texts: [[UInt8]] = []

    /// A string, in a tensor of shape [1].
    init(text: String) { (dtype, shape, texts) = (7, [1], [Array(text.utf8)]) }
    /// A number, in single or double precision.
    init(_ value: Double, doublePrecision: Bool) {
        if doublePrecision { (dtype, doubles) = (2, [value]) } else { (dtype, floats) = (1, [Float(value)]) }
    }

    init(_ message: ByteRegion) throws(FormatError) {
        try message.fields { field throws(FormatError) in
            switch field.number {
            case 1: dtype = try field.integer("dtype")
            case 2:
                var sizes: [Int64] = []
                try field.fields("tensor_shape") { field throws(FormatError) in
                    guard field.number == 2 else { return }
                    var size: Int64 = 0
                    try field.fields("dim") { field throws(FormatError) in if field.number == 1 { size = try field.integer("size") } }
                    sizes.append(size)
                }
                shape = sizes
            case 5: try field.add(to: &floats, "float_val")
            case 6: try field.add(to: &doubles, "double_val")
            case 8: texts.append(Array(try field.bytes("string_val").bytes))
            default: break
            }
        }
    }

    func write(_ message: inout ProtobufWriter) {
        message.integer(1, dtype)
        if let shape { message.message(2) { $0.shape(shape) } }
        if !floats.isEmpty { message.floats(5, floats) }
        if !doubles.isEmpty { message.doubles(6, doubles) }
        for text in texts { message.bytes(8, text) }
    }
}

extension ProtobufWriter {
    /// The fields of a message `TensorShapeProto`.
    mutating func shape(_ sizes: some Sequence<some BinaryInteger>) {
        for size in sizes { message(2) { $0.integer(1, Int64(size)) } }
    }
}
