/* tanh and the logistic function, and their slopes. */

#if defined(REAL_IS_DOUBLE)
typedef int64_t integer;
#define MANTISSA 52
#define EXPONENT_BIAS 1023
#define TERMS 13                    /* of the series: the rest is below (ln 2 / 2)^13 / 14! = 1e-17 */
#define ROUNDING 6755399441055744.0 /* 1.5 * 2^52: adding it rounds to an integer, kept in the low bits */
#define LOWEST -708.0
#define LN2_HIGH 0x1.62e42feep-1 /* few bits, so that n * LN2_HIGH is exact */
#define LN2_LOW 0x1.a39ef35793c76p-33
#else
typedef int32_t integer;
#define MANTISSA 23
#define EXPONENT_BIAS 127
#define TERMS 7                     /* of the series: the rest is below (ln 2 / 2)^7 / 8! = 1e-8 */
#define ROUNDING 12582912.0f        /* 1.5 * 2^23 */
#define LOWEST -87.0f
#define LN2_HIGH 0x1.63p-1f
#define LN2_LOW -0x1.bd0106p-13f
#endif
typedef integer ivec __attribute__((vector_size(VECTOR_BYTES)));

static const real INVERSE_FACTORIAL[] = {1.0,           1.0,          1.0 / 2,        1.0 / 6,         1.0 / 24,
                                         1.0 / 120,     1.0 / 720,    1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                         1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0};

INLINE vec all(real value) { return (vec){0} + value; }
INLINE vec choose(ivec condition, vec yes, vec no) { return (vec)((condition & (ivec)yes) | (~condition & (ivec)no)); }
INLINE ivec sign_bit(void) { return (ivec){0} + ((integer)1 << (8 * sizeof(real) - 1)); }
INLINE vec magnitude(vec x) { return (vec)((ivec)x & ~sign_bit()); }

/* exp(x) = power + rest for x <= 0: x = n ln 2 + r, power = 2^n, and rest = 2^n (exp(r) - 1) by the Taylor series, so that
 * exp(x) - 1 keeps all digits of a small x, and exp(x) those of a large one. NaN stays NaN: a comparison with it is false. */
typedef struct { vec power, rest; } exponential;

INLINE exponential exp_of(vec x) {
    x = choose(x < all(LOWEST), all(LOWEST), x);
    vec shifted = x * all(1.44269504088896340736) + all(ROUNDING);
    vec n = shifted - all(ROUNDING);
    vec r = (x - n * all(LN2_HIGH)) - n * all(LN2_LOW);
    vec series = all(INVERSE_FACTORIAL[TERMS]);
    for (int k = TERMS - 1; k > 0; k--) series = series * r + all(INVERSE_FACTORIAL[k]);
    vec power = (vec)(((ivec)shifted - (ivec)all(ROUNDING) + EXPONENT_BIAS) << MANTISSA);
    return (exponential){power, power * (series * r)};
}

/* tanh |x| = -e / (2 + e) with e = exp(-2|x|) - 1 */
INLINE vec tanh_of(vec x) {
    exponential of_x = exp_of(magnitude(x) * all(-2));
    vec e = of_x.rest + (of_x.power - all(1));
    return (vec)((ivec)(-e / (all(2) + e)) | ((ivec)x & sign_bit()));
}

/* sigma(x) = 1 / (1 + e) for x >= 0, e / (1 + e) for x < 0, with e = exp(-|x|) */
INLINE vec logistic(vec x) {
    exponential of_x = exp_of(-magnitude(x));
    vec e = of_x.rest + of_x.power;
    return choose(x < all(0), e, all(1)) / (all(1) + e);
}

INLINE vec logistic_slope(vec y) { return y * (all(1) - y); }
INLINE vec tanh_slope(vec y) { return all(1) - y * y; }
