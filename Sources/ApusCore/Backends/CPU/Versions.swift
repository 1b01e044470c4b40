import CKernels
import COneDNN

/// The version of oneDNN that runs.
package var oneDNNVersion: String { String(cString: apus_dnn_version()) }

/// How many threads kernels share.
package var threadCount: Int { Int(apus_thread_count()) }
