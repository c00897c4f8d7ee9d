/* The linear read-out of all members, the loss, and the way back: the loss is a mean over all valid targets of a member.
 *
 * Each pointer is that of the first member, as in population.h. Layouts of a member:
 *   weight [C, H], bias [C]      as in torch.nn
 *   outputs [S, B, H]            h at the steps that the loss reads; a row has room for P numbers
 *   targets [S, B]               classes as int64, negative: ignored; or numbers, NaN: ignored
 *   d_outputs [S, B, P]          dL/dh; members may share the room, where each is used before the next is computed
 *   d_weight [width(C), P]       dL/dW; rows C .. are not defined, nor are columns H ..
 *   d_bias [width(C)]
 *   losses                       one double
 * and for all members:
 *   scores [B, width(C)]         scratch: predictions of a step, then their gradients
 *   panels [H * width(C) + C * P]
 */
typedef struct { const void *first; long next, step; } answers;
typedef struct {
    long members, steps, batch, hidden, classes, squares;
    weights weight, bias;
    series outputs;
    answers targets;
    real *d_outputs, *d_weight, *d_bias, *scores, *panels;
    double *losses;
    long d_outputs_next;
} readout;

/* Put m(k, n) = m[k * k_stride + n * n_stride] into panels [K, N]; columns from `filled` on are zeros. */
static void pack(long K, long N, long filled, const real *m, long k_stride, long n_stride, real *panels) {
    for (long n = 0; n < N; n++) {
        real *column = in_panels(panels, K, n);
        long ld = panel_width(N, n);
        for (long k = 0; k < K; k++) column[k * ld] = n < filled ? m[k * k_stride + n * n_stride] : 0;
    }
}

/* Return the sum of -log softmax(scores)[target] over a step, and turn scores [B, ld] into share * (softmax - onehot).
 *
 * LANES sequences at a time, class by class. The sums of exponentials are multiplied before one logarithm is taken. */
static double cross_entropy(long B, long C, long ld, real share, const int64_t *targets, real *scores) {
    double total = 0, sums = 1;
    real columns[C * LANES];
    for (long first = 0; first < B; first += LANES) {
        long rows = B - first < LANES ? B - first : LANES;
        real *block = scores + first * ld, highest_of[LANES], sum_of[LANES];
        for (long c = 0; c < C; c++)
            for (long q = 0; q < LANES; q++) columns[c * LANES + q] = q < rows ? block[q * ld + c] : 0;
        vec highest = AT(columns), sum = {0};
        for (long c = 1; c < C; c++) highest = choose(AT(columns + c * LANES) > highest, AT(columns + c * LANES), highest);
        AT(highest_of) = highest;
        for (long q = 0; q < rows; q++)
            if (targets[first + q] >= 0) total += (double)highest_of[q] - columns[targets[first + q] * LANES + q];
        for (long c = 0; c < C; c++) {
            exponential of_x = exp_of(AT(columns + c * LANES) - highest);
            vec e = of_x.rest + of_x.power;
            AT(columns + c * LANES) = e, sum += e;
        }
        AT(sum_of) = sum;
        vec scale = all(share) / sum;
        for (long c = 0; c < C; c++) AT(columns + c * LANES) *= scale;
        for (long q = 0; q < rows; q++) {
            int64_t target = targets[first + q];
            for (long c = 0; c < C; c++) block[q * ld + c] = target >= 0 ? columns[c * LANES + q] : 0;
            if (target < 0) continue;
            block[q * ld + target] -= share;
            sums *= sum_of[q];
            if (!(sums < 1e200)) total += log(sums), sums = 1;
        }
    }
    return total + log(sums);
}

/* Return the sum of squared errors over a step, and turn scores [B, ld], of one column, into 2 share * error. */
static double squared_error(long B, long ld, real share, const real *targets, real *scores) {
    double total = 0;
    for (long b = 0; b < B; b++) {
        int is_valid = !isnan(targets[b]);
        real error = is_valid ? scores[b * ld] - targets[b] : 0;
        total += (double)error * error;
        scores[b * ld] = 2 * share * error;
    }
    return total;
}

static long valid_targets(const readout *p, long m) {
    long count = 0;
    for (long s = 0; s < p->steps; s++) {
        long at = m * p->targets.next + s * p->targets.step;
        for (long b = 0; b < p->batch; b++)
            count += p->squares ? !isnan(((const real *)p->targets.first)[at + b])
                                : ((const int64_t *)p->targets.first)[at + b] >= 0;
    }
    return count;
}

static void readout_gradients_of(const readout *p, long m) {
    long B = p->batch, H = p->hidden, C = p->classes, P = width(H), ld = width(C), four = round_up(C, 4);
    const real *weight = p->weight.first + m * p->weight.next, *bias = p->bias.first + m * p->bias.next;
    real *d_weight = p->d_weight + m * ld * P, *d_bias = p->d_bias + m * ld, *back = p->panels + H * ld;
    double count = (double)valid_targets(p, m), loss = 0;
    real share = (real)(1 / count);
    pack(H, ld, C, weight, 1, H, p->panels);
    pack(C, P, H, weight, H, 1, back);
    memset(d_bias, 0, ld * sizeof(real));
    for (long s = 0; s < p->steps; s++) {
        const real *outputs = p->outputs.first + m * p->outputs.next + s * p->outputs.step;
        long at = m * p->targets.next + s * p->targets.step;
        for (long b = 0; b < B; b++)
            for (long j = 0; j < ld; j += LANES) AT(p->scores + b * ld + j) = load(bias + j, C - j);
        add_product(B, ld, H, outputs, p->outputs.row, p->panels, p->scores, ld);
        loss += p->squares ? squared_error(B, ld, share, (const real *)p->targets.first + at, p->scores)
                           : cross_entropy(B, C, ld, share, (const int64_t *)p->targets.first + at, p->scores);
        product(B, P, C, p->scores, ld, back, p->d_outputs + m * p->d_outputs_next + s * B * P, P);
        outer(s > 0, four < ld ? four : ld, P, B, p->scores, ld, outputs, p->outputs.row, d_weight, P);
        for (long b = 0; b < B; b++)
            for (long j = 0; j < ld; j += LANES) AT(d_bias + j) += AT(p->scores + b * ld + j);
    }
    p->losses[m] = loss / count;
}

void readout_gradients(const readout *p) {
    for (long m = 0; m < p->members; m++) readout_gradients_of(p, m);
}
