import ApusCore

extension DataLoader {
    /// Batches of `dataset`, made by its `batch(at:)`, in order or shuffled.
    public convenience init<Data: Dataset>(
        _ dataset: Data, batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        workers: Int = 1, prefetch: Int = 2
    ) where Data.Batch == Batch {
        let settings = LoaderSettings(
            batchSize: batchSize, shuffle: shuffle, dropLast: dropLast, generator: generator, workers: workers, prefetch: prefetch)
        let size = Swift.max(batchSize, 1)
        let source =
            shuffle
            ? BatchSource(dataset, RandomSampler(dataset), batchSize: size, dropLast: dropLast)
            : BatchSource(dataset, SequentialSampler(dataset), batchSize: size, dropLast: dropLast)
        self.init(source, dataset, settings)
    }

    /// Batches of the samples of `dataset` that `sampler` chooses. PyTorch: `sampler=`.
    public convenience init<Data: Dataset>(
        _ dataset: Data, batchSize: Int = 1, sampler: some Sampler<Int>, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        workers: Int = 1, prefetch: Int = 2
    ) where Data.Batch == Batch {
        self.init(
            BatchSource(dataset, sampler, batchSize: Swift.max(batchSize, 1), dropLast: dropLast), dataset,
            LoaderSettings(batchSize: batchSize, dropLast: dropLast, generator: generator, workers: workers, prefetch: prefetch))
    }

    /// The batches of `dataset` that `batchSampler` puts together. PyTorch: `batch_sampler=`.
    public convenience init<Data: Dataset>(
        _ dataset: Data, batchSampler: some Sampler<[Int]>, generator: ApusCore.Generator? = nil, workers: Int = 1, prefetch: Int = 2
    ) where Data.Batch == Batch {
        self.init(
            BatchSource(dataset, batches: batchSampler), dataset, LoaderSettings(generator: generator, workers: workers, prefetch: prefetch)
        )
    }

    /// Batches of the samples of `stream`, in order of arrival. PyTorch: a loader of an `IterableDataset`.
    public convenience init<Stream: IterableDataset>(
        stream: Stream, batchSize: Int = 1, dropLast: Bool = false, generator: ApusCore.Generator? = nil, workers: Int = 1,
        prefetch: Int = 2
    ) where Stream.Batch == Batch {
        self.init(
            BatchSource(stream, batchSize: Swift.max(batchSize, 1), dropLast: dropLast), nil,
            LoaderSettings(batchSize: batchSize, dropLast: dropLast, generator: generator, workers: workers, prefetch: prefetch))
    }

    /// Batches that `collate` makes from samples. PyTorch: `collate_fn=`.
    public convenience init<Data: Dataset>(
        _ dataset: Data, batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        workers: Int = 1, prefetch: Int = 2, collate: @escaping ([Data.Sample]) throws -> Batch
    ) {
        self.init(
            dataset.map(collate: collate) { $0 }, batchSize: batchSize, shuffle: shuffle, dropLast: dropLast, generator: generator,
            workers: workers, prefetch: prefetch)
    }

    /// Batches of the samples in an array. PyTorch: a list used as a data set.
    public convenience init<Sample: Collatable>(
        _ samples: [Sample], batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        workers: Int = 1, prefetch: Int = 2
    ) where Batch == Sample.Collated {
        self.init(
            ListDataset(samples), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast, generator: generator, workers: workers,
            prefetch: prefetch)
    }

    /// Batches of the pairs in an array: `DataLoader(Array(zip(images, labels)), batchSize: 32)`.
    public convenience init<A: Collatable, B: Collatable>(
        _ samples: [(A, B)], batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        workers: Int = 1, prefetch: Int = 2
    ) where Batch == (A.Collated, B.Collated) {
        self.init(
            ListDataset(samples), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast, generator: generator, workers: workers,
            prefetch: prefetch)
    }

    /// Batches of the triples in an array.
    public convenience init<A: Collatable, B: Collatable, C: Collatable>(
        _ samples: [(A, B, C)], batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        workers: Int = 1, prefetch: Int = 2
    ) where Batch == (A.Collated, B.Collated, C.Collated) {
        self.init(
            ListDataset(samples), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast, generator: generator, workers: workers,
            prefetch: prefetch)
    }
}

extension DataLoader {
    /// A loader of the same batches on `device`. The thread that makes a batch copies it there ahead of the loop, through pinned memory.
    /// The device's memory then holds up to `workers · prefetch` batches and the one in use.
    /// PyTorch: `pin_memory=True` with `to(device, non_blocking=True)`.
    ///
    /// ```swift
    /// let train = try DataLoader(FashionMNIST(.train), batchSize: 64, shuffle: true).to(device)
    /// ```
    public func to(_ device: Device) -> DataLoader where Batch == (Tensor, Tensor) { mapBatches { ($0.to(device), $1.to(device)) } }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == Tensor { mapBatches { $0.to(device) } }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == (Tensor, Tensor, Tensor) {
        mapBatches { ($0.to(device), $1.to(device), $2.to(device)) }
    }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == [Tensor] { mapBatches { $0.map { $0.to(device) } } }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == [String: Tensor] { mapBatches { $0.mapValues { $0.to(device) } } }
}
