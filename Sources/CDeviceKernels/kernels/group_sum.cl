// The sum (or the largest) of the group's values, returned in every item. `shared` has GROUP elements.
FUNCTION A group_reduce(A value, int takes_largest, SHARED A *shared) {
    shared[LOCAL_ID] = value;
    BARRIER;
    for (int reach = GROUP / 2; reach > 0; reach /= 2) {
        if (LOCAL_ID < reach) {
            A a = shared[LOCAL_ID], b = shared[LOCAL_ID + reach];
            shared[LOCAL_ID] = takes_largest ? (a > b || a != a ? a : b) : a + b;
        }
        BARRIER;
    }
    A result = shared[0];
    BARRIER;
    return result;
}
