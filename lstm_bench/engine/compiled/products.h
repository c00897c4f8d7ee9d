/* Products of small matrices, with their sums in registers and one operand packed into panels. */

/* Panels hold a matrix m [K, N] in the order in which `product` reads: [N / PANEL][K][PANEL], the last maybe narrower. */
INLINE real *in_panels(real *panels, long K, long n) {
    return panels + n / PANEL * PANEL * K + n % PANEL;
}

INLINE long panel_width(long N, long n) {
    long left = n - n % PANEL;
    return N - left < PANEL ? N - left : PANEL;
}

/* out[rows, vectors] += a[k * k_stride + r * r_stride] b[k * ldb + n], summed over k in registers; or = if not added. */
INLINE void tile(int rows, int vectors, int add, long K, const real *a, long r_stride, long k_stride, const real *b,
                 long ldb, real *out, long ldo) {
    vec sums[SUMS][2];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) sums[r][v] = add ? AT(out + r * ldo + v * LANES) : (vec){0};
    for (long k = 0; k < K; k++, a += k_stride, b += ldb) {
        vec left = *(const vec *)b, right = vectors == 2 ? *(const vec *)(b + LANES) : left;
        for (int r = 0; r < rows; r++) {
            sums[r][0] += a[r * r_stride] * left;
            if (vectors == 2) sums[r][1] += a[r * r_stride] * right;
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) AT(out + r * ldo + v * LANES) = sums[r][v];
}

/* As many rows at a time as the sums of a tile allow, then the rest. */
INLINE void tiles(int vectors, int add, long M, long K, const real *a, long r_stride, long k_stride, const real *b,
                  long ldb, real *out, long ldo) {
    long m = 0;
#define ROWS(rows)                         \
    for (; m + (rows) <= M; m += (rows))   \
        tile(rows, vectors, add, K, a + m * r_stride, r_stride, k_stride, b, ldb, out + m * ldo, ldo)
    if (vectors == 1) ROWS(SUMS);
    ROWS(SUMS / 2);
    ROWS(SUMS / 4);
    ROWS(2);
    ROWS(1);
#undef ROWS
}

INLINE void panels_of(int add, long M, long N, long K, const real *a, long r_stride, long k_stride, const real *b,
                      long panel_stride, long ldb, real *out, long ldo) {
    long n = 0;
    for (; n + PANEL <= N; n += PANEL)
        tiles(2, add, M, K, a, r_stride, k_stride, b + n * panel_stride, ldb ? ldb : PANEL, out + n, ldo);
    if (n < N) tiles(1, add, M, K, a, r_stride, k_stride, b + n * panel_stride, ldb ? ldb : LANES, out + n, ldo);
}

/* out[M, N] = a[M, K] m, with m packed. */
static void product(long M, long N, long K, const real *a, long lda, const real *panels, real *out, long ldo) {
    panels_of(0, M, N, K, a, lda, 1, panels, K, 0, out, ldo);
}

/* out[M, N] += a[M, K] m, with m packed. */
static void add_product(long M, long N, long K, const real *a, long lda, const real *panels, real *out, long ldo) {
    panels_of(1, M, N, K, a, lda, 1, panels, K, 0, out, ldo);
}

/* out[M, N] = a[R, M]^T b[R, N], or += where it adds. */
static void outer(int adds, long M, long N, long R, const real *a, long lda, const real *b, long ldb, real *out, long ldo) {
    if (adds)
        panels_of(1, M, N, R, a, 1, lda, b, 1, ldb, out, ldo);
    else
        panels_of(0, M, N, R, a, 1, lda, b, 1, ldb, out, ldo);
}
