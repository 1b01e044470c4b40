import ApusCore
import ApusDistributed

let group = try ProcessGroup.world()
let t = Tensor([Float(group.rank + 1)])
try group.allReduce(t)
print(group.rank, group.size, group.localRank, group.localSize, t.array(Float.self), threadCount)
