import CKernels
import COneDNN

/// The version of oneDNN in use.
package var oneDNNVersion: String { String(cString: apus_dnn_version()) }

/// How many threads kernels use.
package var threadCount: Int { Int(apus_thread_count()) }
