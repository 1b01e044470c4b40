import ApusCore
import ApusFormats
import ApusTraining
import ApusVision

extension Report {
    /// Adds what an evaluation has found: the table of classes, the confusion matrix, the calibration, and its mistakes with the images of `data`,
    /// of which `preview` makes pictures.
    mutating func add(_ evaluation: Evaluation, _ data: ImageData, preview: (Tensor) throws -> Picture) throws {
        (confusion, calibration) = ((evaluation.classes, evaluation.confusion), evaluation.calibration)
        wrong = try evaluation.mistakes.map { mistake in
            .init(
                png: try preview(data[mistake.index].0).encoded(), index: mistake.index, file: try data.file(at: mistake.index),
                predicted: evaluation.classes[mistake.predicted],
                probability: mistake.probability, actual: evaluation.classes[mistake.actual],
                actualProbability: mistake.actualProbability)
        }
    }

    /// The page of an evaluation of the model `name` on the images of `data`, which are called `source`.
    package init(
        _ evaluation: Evaluation, of name: String, on data: ImageData, _ source: String, preview: (Tensor) throws -> Picture
    ) throws {
        self.init(
            title: "\(name) on \(source)",
            lead: "\(Text.grouped(evaluation.images)) images of \(evaluation.classes.count) classes that the model was tested on")
        headline = [("accuracy", Text.fixed(100 * evaluation.accuracy, 2) + " %")]
        if let topFive = evaluation.topFive { headline.append(("among the five likeliest", Text.fixed(100 * topFive, 2) + " %")) }
        headline += [
            ("mean F1", Text.fixed(100 * evaluation.confusion.mean(evaluation.confusion.f1), 2) + " %"),
            ("loss", Text.fixed(evaluation.loss, 4)), ("calibration error", Text.fixed(100 * evaluation.calibration.value, 2) + " %"),
            ("images", Text.grouped(evaluation.images)), ("images a second", Text.compact(evaluation.imagesPerSecond)),
        ]
        try add(evaluation, data, preview: preview)
    }

    /// Precision, recall and F1 of each class.
    func classTable(_ matrix: ConfusionMatrix, _ classes: [String]) -> Table {
        let rows = matrix.table(classes)
        return Table(
            title: "Classes",
            note:
                "Precision: of those taken for the class, how many are. Recall: of those of the class, how many were found. F1: their harmonic mean.",
            header: rows[0], rows: Array(rows.dropFirst()), texts: [0, 5])
    }

    /// The charts of accuracy and of images by confidence.
    func calibrationSection(_ calibration: CalibrationError) -> String {
        let bins = calibration.bins.filter { $0.count > 0 }
        let all = Double(bins.reduce(0) { $0 + $1.count })
        let label = "probability of the predicted class"
        let charts = [
            Chart(
                title: "Accuracy by confidence", xLabel: label,
                series: [
                    .init("right", bins.map { ($0.confidence, $0.accuracy) }, marks: true), .init("as sure as right", [(0, 0), (1, 1)]),
                ], digits: 3, countsX: false),
            Chart(
                title: "Images by confidence", xLabel: label,
                series: [
                    .init("share of the images", calibration.bins.map { (($0.low + $0.high) / 2, Double($0.count) / all) }, marks: true)
                ], digits: 3,
                fromZero: true, countsX: false),
        ]
        let error = Text.fixed(100 * calibration.value, 2)
        return
            "<h2>Calibration</h2>\n<p class=\"note\">Where the model gives its answer a probability of 80 %, it should be right in 80 % of the cases. "
            + "Below the straight line it is too sure of itself, above it too timid; on average it is off by \(error) %.</p>\n"
            + "<div class=\"charts\">\n\(charts.map { $0.html() }.joined())</div>\n"
    }
}
