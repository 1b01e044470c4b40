// The shim over oneDNN.
