// `import Apus` brings everything that a program needs to define, train, save and run a network.
@_exported import ApusCheckpoints
@_exported import ApusCore
@_exported import ApusData
@_exported import ApusDistributed
@_exported import ApusDistributions
@_exported import ApusFormats
@_exported import ApusNN
@_exported import ApusOptim
@_exported import ApusSystem
@_exported import ApusTraining
@_exported import ApusVision
