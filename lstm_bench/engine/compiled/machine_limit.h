/* Loops that measure the peak rates of this core, for the limit in the speed study. */

/* 2 * 16 * LANES * rounds floating-point operations in registers; out [LANES] keeps the compiler from removing them. */
void multiply_add(long rounds, real *out) {
    vec sums[16];
    for (int k = 0; k < 16; k++) sums[k] = all((real)k);
    vec factor = all((real)0.999) + AT(out), term = all((real)0.001) + AT(out);
    for (long round = 0; round < rounds; round++)
        for (int k = 0; k < 16; k++) sums[k] = sums[k] * factor + term;
    for (int k = 1; k < 16; k++) sums[0] += sums[k];
    AT(out) = sums[0];
}

/* count * rounds logistic functions; count is a multiple of LANES. */
void apply_logistic(long rounds, long count, real *x) {
    for (long round = 0; round < rounds; round++)
        for (long j = 0; j < count; j += LANES) AT(x + j) = logistic(AT(x + j));
}
