// Compensated summation within one work item: `ADD_EXACTLY` adds to the sum a value and the rounding error kept so far, and keeps the new
// rounding error (Knuth's two-sum; 0 if the sum is not finite). The sum is as accurate as with twice the digits.
#define ADD_EXACTLY(sum, lost, value) { \
    A added_ = (value) + (lost), total_ = (sum) + added_, back_ = total_ - (sum); \
    lost = ((sum) - (total_ - back_)) + (added_ - back_); \
    if ((lost) - (lost) != 0) lost = 0; \
    sum = total_; \
}
