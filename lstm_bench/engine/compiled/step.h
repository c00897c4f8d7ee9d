/* What the programs of traced steps use besides vectors, products and nonlinearities. */

static real total(vec x) {
    real sum = 0;
    for (long q = 0; q < LANES; q++) sum += x[q];
    return sum;
}

INLINE vec gather(const real *from, long stride, long room) {
    vec some = {0};
    for (long q = 0; q < LANES && q < room; q++) some[q] = from[q * stride];
    return some;
}

INLINE void scatter(real *to, long stride, long room, vec values) {
    for (long q = 0; q < LANES && q < room; q++) to[q * stride] = values[q];
}

/* Pack a constant [K, N], with any strides, for `panels_of`; columns N .. padded-1 are 0. */
static void pack(long K, long N, long padded, const real *from, long row, long column, real *panels) {
    for (long n = 0; n < padded; n++) {
        real *to = in_panels(panels, K, n);
        for (long k = 0, ld = panel_width(padded, n); k < K; k++, to += ld) *to = n < N ? from[k * row + n * column] : 0;
    }
}

/* e^x = 1 / e^-x for x > 0; beyond the largest number it is infinite. */
INLINE vec exp_of_any(vec x) {
    exponential of_x = exp_of(-magnitude(x));
    vec e = of_x.rest + of_x.power;
    vec grown = choose(x > all(-LOWEST), all((real)INFINITY), all(1) / e);
    return choose(x > all(0), grown, choose(x < all(LOWEST), all(0), e));
}

INLINE vec sqrt_of(vec x) {
    vec y;
    for (long q = 0; q < LANES; q++) y[q] = SCALAR(sqrt)(x[q]);
    return y;
}

#define MAPPED(name, function)                                        \
    static vec name(vec x) {                                          \
        for (long q = 0; q < LANES; q++) x[q] = SCALAR(function)(x[q]); \
        return x;                                                     \
    }
MAPPED(expm1_of, expm1)
MAPPED(log_of, log)
MAPPED(log1p_of, log1p)
MAPPED(sin_of, sin)
MAPPED(cos_of, cos)
MAPPED(erf_of, erf)
MAPPED(floor_of, floor)
MAPPED(ceiling_of, ceil)

static vec power_of(vec x, vec exponent) {
    for (long q = 0; q < LANES; q++) x[q] = exponent[q] == 2 ? x[q] * x[q] : SCALAR(pow)(x[q], exponent[q]);
    return x;
}

/* x - y floor(x / y), with the sign of y, as torch.remainder. */
static vec remainder_of(vec x, vec y) {
    for (long q = 0; q < LANES; q++) {
        real rest = SCALAR(fmod)(x[q], y[q]);
        x[q] = rest != 0 && (rest < 0) != (y[q] < 0) ? rest + y[q] : rest;
    }
    return x;
}

/* The Frobenius norm; squares are summed in double, since in float they would vanish for norms below 1e-19. */
static double norm_of(long count, const real *values) {
    double sums[8] = {0}, sum = 0;
    long j = 0;
    for (; j + 8 <= count; j += 8)
        for (int q = 0; q < 8; q++) sums[q] += (double)values[j + q] * values[j + q];
    for (; j < count; j++) sum += (double)values[j] * values[j];
    for (int q = 0; q < 8; q++) sum += sums[q];
    return sqrt(sum);
}
