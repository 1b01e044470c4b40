// Long sums of one item: `ADD_EXACTLY` adds a value, and what rounding has lost before it, to the sum and keeps what it loses now (Knuth's
// two-sum; 0 where the sum is not finite). The sum is then as good as twice the digits would make it.
#define ADD_EXACTLY(sum, lost, value) { \
    A added_ = (value) + (lost), total_ = (sum) + added_, back_ = total_ - (sum); \
    lost = ((sum) - (total_ - back_)) + (added_ - back_); \
    if ((lost) - (lost) != 0) lost = 0; \
    sum = total_; \
}
