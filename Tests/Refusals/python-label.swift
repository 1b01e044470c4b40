// expect: (have 'kernel_size:', expected 'kernelSize:')
import Apus
let conv = Conv2d(1, 8, kernel_size: 3)
