"""What a sum over processes takes with PyTorch's gloo; the lines are those of `apus bench --distributed sums`.

    gloo.py RANK SIZE PORT
"""
import os
import sys
import time

import torch
import torch.distributed as dist

rank, size = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": sys.argv[3], "GLOO_SOCKET_IFNAME": "lo"}
dist.init_process_group("gloo", rank=rank, world_size=size)
for count in [1 << 10, 100 << 10, 10 << 20, 100 << 20]:
    x = torch.zeros(count // 4)
    together = max(1, min(200, (1 << 20) // count))
    times = []
    for _ in range(22):
        dist.barrier()
        begin = time.perf_counter()
        for _ in range(together):
            dist.all_reduce(x)
        times.append((time.perf_counter() - begin) / together)
    if rank == 0:
        print(f"sum/{count}/gloo/{size}\t{sorted(times[2:])[10]} s\t20 runs", flush=True)
dist.destroy_process_group()
